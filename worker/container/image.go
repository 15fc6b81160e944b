//go:build linux

package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
	tc "github.com/testcontainers/testcontainers-go"

	"github.com/butfor/butfor/python"
)

// The names of images, without their tags.
const (
	baseName     = "butfor-base"
	registryBase = "python:3.12-slim"
)

// Image is the workers' image: its tag is a hash of all that it is built from, so
// that another version never runs in place of this.
func Image() string { return python.ImageSource().Name }

// Build builds the workers' image unless the engine has it. It tells log what takes
// long. base is the image to begin with, one with Python, on which it is built anew in
// place of what there was; "" means python:3.12-slim
// if the engine has it or a registry is reached, else one of Debian packages, which
// is made and kept by the engine under the hash of its recipe.
func Build(ctx context.Context, base string, log io.Writer) (image string, built bool, err error) {
	apart(func() { image, built, err = build(ctx, base, log) })
	return image, built, err
}

func build(ctx context.Context, base string, log io.Writer) (image string, built bool, err error) {
	c, _, err := connect(ctx)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	source := python.ImageSource()
	image = Image()
	if base == "" { // one that was asked for is not in the tag
		if has, err := has(ctx, c, image); err != nil || has {
			return image, false, err
		}
		if base, err = findBase(ctx, c, source, log); err != nil {
			return "", false, err
		}
	}
	archive, err := contextOf(source)
	if err != nil {
		return "", false, err
	}
	fmt.Fprintf(log, "building %s on %s\n", image, base)
	p, err := tc.NewDockerProvider(tc.WithLogger(quiet{}))
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	var told bytes.Buffer
	_, err = p.BuildImage(ctx, &tc.ContainerRequest{FromDockerfile: tc.FromDockerfile{
		ContextArchive: archive, Dockerfile: python.Containerfile, Repo: python.ImageName, Tag: source.Tag, KeepImage: true,
		BuildArgs: map[string]*string{"BASE": &base}, BuildLogWriter: &told,
		BuildOptionsModifier: func(o *client.ImageBuildOptions) {
			o.Labels = map[string]string{ImageLabel: source.Tag}
			o.NetworkMode = "none"
		},
	}})
	if err != nil {
		return "", false, fmt.Errorf("%w\n%s", err, told.Bytes())
	}
	return image, true, nil
}

// ImageLabel is on each image that Build makes.
const ImageLabel = label + "image"

// Base is the base of Debian packages that Build makes where there is no other.
func Base() string { return baseName + ":" + python.ImageSource().Base }

// Prune removes what Build made before: images with its label, of the name of keep and
// with another tag. One that a container has, a stopped one too, stays, and so does
// whatever else the engine has. It gives those that it removed.
func Prune(ctx context.Context, keep string) (removed []string, err error) {
	apart(func() { removed, err = prune(ctx, keep) })
	return removed, err
}

func prune(ctx context.Context, keep string) (removed []string, err error) {
	c, _, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	name, _, _ := strings.Cut(keep, ":")
	got, err := c.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("label", ImageLabel).Add("reference", name)})
	if err != nil {
		return nil, err
	}
	all, err := c.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, container := range all.Items {
		used[container.ImageID] = true
	}
	for _, image := range got.Items {
		for _, tag := range image.RepoTags {
			if !strings.HasPrefix(tag, name+":") || tag == keep || used[image.ID] {
				continue
			}
			_, err := c.ImageRemove(ctx, tag, client.ImageRemoveOptions{PruneChildren: true})
			switch {
			case err == nil:
				removed = append(removed, tag)
			case cerrdefs.IsConflict(err), cerrdefs.IsNotFound(err): // a container has it by now, or somebody else has removed it
			default:
				return removed, err
			}
		}
	}
	return removed, nil
}

func has(ctx context.Context, c *tc.DockerClient, image string) (bool, error) {
	_, err := c.ImageInspect(ctx, image)
	if cerrdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// findBase is an image with Python: one that the engine has, or can have.
func findBase(ctx context.Context, c *tc.DockerClient, source python.Image, log io.Writer) (string, error) {
	ours := baseName + ":" + source.Base
	for _, image := range []string{registryBase, ours} {
		if has, err := has(ctx, c, image); err != nil || has {
			return image, err
		}
	}
	pulled, err := c.ImagePull(ctx, registryBase, client.ImagePullOptions{})
	if err == nil {
		fmt.Fprintf(log, "pulling %s\n", registryBase)
		err = pulled.Wait(ctx)
	}
	if err == nil {
		return registryBase, nil
	}
	if ctx.Err() != nil {
		return "", err
	}
	fmt.Fprintf(log, "no registry gives %s (%v)\nmaking %s of Debian packages\n", registryBase, err, ours)
	if err := makeBase(ctx, c, source, log); err != nil {
		return "", fmt.Errorf("base of Debian packages: %w", err)
	}
	return ours, nil
}

// makeBase runs the recipe and has the engine import what comes out.
func makeBase(ctx context.Context, c *tc.DockerClient, source python.Image, log io.Writer) error {
	dir, err := os.MkdirTemp("", "butfor-base-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	root := filepath.Join(dir, "base.tar")
	cmd := exec.CommandContext(ctx, "sh", "-s", root)
	cmd.Stdin = bytes.NewReader(source.Files[python.BaseRecipe])
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", python.BaseRecipe, err)
	}
	f, err := os.Open(root)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	got, err := c.ImageImport(ctx, client.ImageImportSource{Source: f, SourceName: "-"}, baseName, client.ImageImportOptions{Tag: source.Base, Changes: []string{"LABEL " + ImageLabel + "=" + source.Base}})
	if err != nil {
		return err
	}
	defer func() { _ = got.Close() }()
	return jsonmessage.DisplayStream(got, io.Discard)
}

// contextOf is what is sent to the builder.
func contextOf(source python.Image) (io.ReadSeeker, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(source.Files)) {
		content := source.Files[name]
		err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return bytes.NewReader(b.Bytes()), err
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
