//go:build linux

package container

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestTheDiskBeneathAFolderIsNamedAsTheWholeOfIt(t *testing.T) {
	folder, sys := t.TempDir(), t.TempDir()
	var is unix.Stat_t
	if err := unix.Stat(folder, &is); err != nil {
		t.Fatal(err)
	}
	number := fmt.Sprintf("%d:%d", unix.Major(is.Dev), unix.Minor(is.Dev))
	if _, err := deviceBeneath(folder, sys); err == nil || !strings.Contains(err.Error(), "its device is "+number) || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("on no disk: %v", err)
	}
	disk, part := filepath.Join(sys, "devices", "disk"), filepath.Join(sys, "devices", "disk", "part")
	for path, text := range map[string]string{filepath.Join(disk, "uevent"): "MAJOR=8\nDEVNAME=sda\n", filepath.Join(part, "uevent"): "DEVNAME=sda1\n", filepath.Join(part, "partition"): "1\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{disk, part} {
		link := filepath.Join(sys, number)
		_ = os.Remove(link)
		if err := os.Symlink(at, link); err != nil {
			t.Fatal(err)
		}
		if device, err := deviceBeneath(folder, sys); device != "/dev/sda" || err != nil {
			t.Errorf("%s: %q, %v", at, device, err)
		}
	}
}

func TestWhatIsUnpackedIsAsOldAsItWasAndStaysInItsFolder(t *testing.T) {
	archive := func(name string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 2, Mode: 0o600, ModTime: time.Unix(1e9, 0)}); err != nil {
			t.Fatal(err)
		}
		_, err := w.Write([]byte("hi"))
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	folder := filepath.Join(t.TempDir(), "disk")
	if err := unpack(archive("a/b.py"), folder); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "a", "b.py")
	text, err := os.ReadFile(path)
	is, _ := os.Stat(path)
	if err != nil || string(text) != "hi" || !is.ModTime().Equal(time.Unix(1e9, 0)) || is.Mode().Perm()&0o044 != 0o044 {
		t.Errorf("%q, %v, %v", text, is, err)
	}
	if err := unpack(archive("../b.py"), filepath.Join(t.TempDir(), "disk")); err == nil {
		t.Error("it was written beside the folder")
	}
}
