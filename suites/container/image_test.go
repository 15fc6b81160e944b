//go:build linux

package container_test

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"io"
	"strings"

	containers "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	tc "github.com/testcontainers/testcontainers-go"

	"github.com/butfor/butfor/worker/container"
)

var _ = Describe("images of other versions", Label("image"), func() {
	It("are removed, but for those that a container has and whatever is not ours", func(ctx SpecContext) {
		c, err := tc.NewDockerClientWithOpts(ctx)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(c.Close)
		name := "butfor-spec-" + strings.ToLower(rand.Text())
		has := func(image string) bool {
			_, err := c.ImageInspect(ctx, image)
			return err == nil
		}
		imports := func(image string, labels ...string) {
			repository, tag, _ := strings.Cut(image, ":")
			var empty bytes.Buffer
			Expect(tar.NewWriter(&empty).Close()).To(Succeed())
			got, err := c.ImageImport(ctx, client.ImageImportSource{Source: &empty, SourceName: "-"}, repository, client.ImageImportOptions{Tag: tag, Changes: labels})
			Expect(err).NotTo(HaveOccurred())
			_, err = io.Copy(io.Discard, got)
			Expect(err).NotTo(HaveOccurred())
			Expect(got.Close()).To(Succeed())
			Expect(has(image)).To(BeTrue(), image)
			DeferCleanup(func(ctx SpecContext) { _, _ = c.ImageRemove(ctx, image, client.ImageRemoveOptions{Force: true}) })
		}
		ours := "LABEL " + container.ImageLabel + "=x"
		imports(name+":present", ours)
		imports(name+":old", ours)
		imports(name+":older", ours)
		imports(name+":used", ours)
		imports(name + ":unlabelled")
		imports(name+"-other:old", ours)
		made, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{Config: &containers.Config{Image: name + ":used", Cmd: []string{"none"}}})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func(ctx SpecContext) {
			_, err := c.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{})
			Expect(err).NotTo(HaveOccurred())
		})

		removed, err := container.Prune(ctx, name+":present")
		Expect(err).NotTo(HaveOccurred())
		Expect(removed).To(ConsistOf(name+":old", name+":older"))
		for tag, stays := range map[string]bool{":present": true, ":old": false, ":older": false, ":used": true, ":unlabelled": true, "-other:old": true} {
			Expect(has(name+tag)).To(Equal(stays), tag)
		}
		Expect(container.Prune(ctx, name+":present")).To(BeEmpty())
	})
})
