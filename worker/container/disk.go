//go:build linux

package container

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/blkiodev"
	"golang.org/x/sys/unix"

	"github.com/butfor/butfor/worker/process"
	"github.com/butfor/butfor/worker/stream"
)

// A Disk is a slow one, with a module of Python's own library on it that a worker imports.
// Each worker has files of its own there, of which the machine's memory has nothing. It
// takes an engine on this machine, and a disk beneath the folder of temporary files.
type Disk struct {
	Module string
	Rate   int64 // bytes a second that are read of it, at most
}

// flag is what a worker in a container is told of it.
func (d Disk) flag() string { return fmt.Sprintf("%d:%s/%s:%s", d.Rate, inside, diskFolder, d.Module) }

// diskFolder is where in the shared folder its files are.
const diskFolder = "disk"

// slow is what an engine knows of slow disks.
type slow struct {
	mu      sync.Mutex
	tried   bool
	device  string            // beneath the folder of sockets
	cant    error             // why there can be none
	modules map[string][]byte // their files, as tar archives
}

// CanSlow says what is missing for such a disk: that there can be one is tried once.
func (e *Engine) CanSlow(ctx context.Context, d Disk) error {
	_, _, err := e.slowed(ctx, d.Module)
	return err
}

// slowed gives the disk that can be slow, and the files of a module.
func (e *Engine) slowed(ctx context.Context, module string) (device string, files []byte, err error) {
	s := &e.slow
	s.mu.Lock()
	defer s.mu.Unlock()
	apart(func() {
		if !s.tried {
			if e.Transport() != Socket {
				err = errors.New("it takes a folder that containers share with this program, and the engine is not on this machine")
			} else if s.device, err = deviceBeneath(e.dir, "/sys/dev/block"); err == nil {
				err = e.trySlow(ctx)
			}
			s.tried, s.cant = ctx.Err() == nil, err
		}
		if err = s.cant; err != nil || s.modules[module] != nil {
			return
		}
		if files, err = e.ask(ctx, plan{cmd: []string{filesOf, module}}); err == nil {
			if s.modules == nil {
				s.modules = map[string][]byte{}
			}
			s.modules[module] = files
		}
	})
	if err != nil {
		return "", nil, fmt.Errorf("slow disk: %w", err)
	}
	return s.device, s.modules[module], nil
}

// deviceBeneath is the whole disk that a folder is on, as engines want it named. sys is
// where the kernel lists disks by their numbers.
func deviceBeneath(folder, sys string) (string, error) {
	var is unix.Stat_t
	if err := unix.Stat(folder, &is); err != nil {
		return "", fmt.Errorf("%s: %w", folder, err)
	}
	number := fmt.Sprintf("%d:%d", unix.Major(is.Dev), unix.Minor(is.Dev))
	disk, err := filepath.EvalSymlinks(filepath.Join(sys, number))
	if err != nil {
		return "", fmt.Errorf("%s is on no disk of which reading can be slowed (its device is %s, as of tmpfs, overlay, btrfs): name a folder on one in TMPDIR", folder, number)
	}
	if _, err := os.Stat(filepath.Join(disk, "partition")); err == nil {
		disk = filepath.Dir(disk)
	}
	said, err := os.ReadFile(filepath.Join(disk, "uevent"))
	if err != nil {
		return "", fmt.Errorf("device of %s: %w", folder, err)
	}
	for line := range strings.Lines(string(said)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVNAME="); ok {
			return "/dev/" + name, nil
		}
	}
	return "", fmt.Errorf("device of %s: %s has no name", folder, disk)
}

// ask runs Python in a container, and gives what it prints.
func (e *Engine) ask(ctx context.Context, p plan) ([]byte, error) {
	p.entrypoint, p.env, p.attach = []string{"python3", "-S", "-E", "-c"}, []string{process.TokenVariable + "=" + process.Token() + "//"}, true
	v, streams, err := e.run(ctx, p)
	if err != nil {
		return nil, err
	}
	defer streams.Close()
	var said bytes.Buffer
	var why stream.Tail
	if _, err = stdcopy.StdCopy(&said, &why, streams.Reader); err != nil {
		err = errors.Join(err, v.remove())
	}
	status := <-v.ear.died
	e.forget(v.id)
	if err == nil && status != 0 {
		err = errors.New(strings.TrimSpace(why.String()))
	}
	return said.Bytes(), err
}

// filesOf is Python that writes a module's files, or those of the package that it is in,
// to stdout, as a tar archive.
const filesOf = `
import importlib.util, os, sys, tarfile
name = sys.argv[1].partition(".")[0]
spec = importlib.util.find_spec(name)
if not spec or not spec.has_location:
    sys.exit("Python has no files of %s" % name)
paths = [spec.origin, importlib.util.cache_from_source(spec.origin)]
if spec.submodule_search_locations:
    paths = [os.path.dirname(spec.origin)]
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as files:
    for path in filter(os.path.exists, paths):
        files.add(path, os.path.relpath(path, os.path.dirname(paths[0])))
`

// trySlow has a container read half a MiB that nothing has in memory, at one MiB a second.
func (e *Engine) trySlow(ctx context.Context) error {
	folder, err := e.folder()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }() // what is left goes with the engine's folder
	if err := write(filepath.Join(folder, "file"), bytes.NewReader(make([]byte, 1<<19))); err != nil {
		return err
	}
	said, err := e.ask(ctx, plan{cmd: []string{reads, inside + "/file"}, folder: folder, reads: &blkiodev.ThrottleDevice{Path: e.slow.device, Rate: 1 << 20}})
	if err != nil {
		return err
	}
	var read, ms int
	if _, err := fmt.Sscan(string(said), &read, &ms); err != nil {
		return fmt.Errorf("a container that was to read said %q: %w", said, err)
	}
	switch {
	case read < 1<<18:
		return fmt.Errorf("of 512 KiB in %s a container read %d bytes from the disk: its file system keeps them in memory", folder, read)
	case ms < 250:
		return fmt.Errorf("a container read 512 KiB from %s in %d ms, though the engine was to let it read 1 MiB a second: its kernel has no control of block devices by cgroups (blk-throttle)", e.slow.device, ms)
	}
	return nil
}

// reads is Python that reads a file which nothing has in memory, and prints how many
// bytes came from a disk, and how many milliseconds it took.
const reads = `
import os, sys, time
def read():
    with open("/proc/self/io") as file:
        return int(file.read().partition("\nread_bytes: ")[2].split()[0])
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
before, began = read(), time.monotonic()
while os.read(fd, 1 << 16):
    pass
print(read() - before, int(1000 * (time.monotonic() - began)))
`

// have gives the worker a slow disk, in a folder that its container will share.
func (p *Port) have(ctx context.Context, e *Engine, d Disk, folder string) (*blkiodev.ThrottleDevice, error) {
	device, files, err := e.slowed(ctx, d.Module)
	if err != nil {
		return nil, err
	}
	p.disk = filepath.Join(folder, diskFolder)
	if err := unpack(files, p.disk); err != nil {
		return nil, fmt.Errorf("slow disk: %w", err)
	}
	return &blkiodev.ThrottleDevice{Path: device, Rate: uint64(d.Rate)}, nil
}

// removeDisk removes what it was given on one.
func (p *Port) removeDisk() error {
	if p.disk == "" {
		return nil
	}
	return os.RemoveAll(p.disk)
}

// unpack writes the files of an archive, down to the disk: what is not there yet is in
// memory, and stays. All may read them.
func unpack(archive []byte, folder string) error {
	files := tar.NewReader(bytes.NewReader(archive))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for {
		h, err := files.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case !filepath.IsLocal(h.Name):
			return fmt.Errorf("%q is no name in a folder", h.Name)
		}
		path := filepath.Join(folder, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(path, 0o755)
		case tar.TypeReg:
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				err = write(path, files)
			}
			if err == nil { // by which Python knows whether what it has compiled is of this source
				err = os.Chtimes(path, h.ModTime, h.ModTime)
			}
		}
		if err != nil {
			return err
		}
	}
}

// write writes a file and waits until the disk has what is in it. A sync would wait for
// all that others write, too.
func write(path string, from io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	if _, err = io.Copy(f, from); err == nil {
		err = unix.SyncFileRange(int(f.Fd()), 0, 0, all)
	}
	return errors.Join(err, f.Close())
}
