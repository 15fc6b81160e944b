package python

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// home gives the test a user's cache folder and a temp folder of its own, as
// safe as the real ones, and a process without a private folder.
func home(t *testing.T) (cache, temp string) {
	t.Helper()
	above, temp := t.TempDir(), t.TempDir()
	for _, dir := range []string{above, temp} { // whatever the umask says
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cache = filepath.Join(above, "cache")
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("TMPDIR", temp)
	once.root, once.whole = "", false
	return cache, temp
}

// full has no file grow any more, as on a full disk, or takes that back.
func full(t *testing.T, full bool) {
	t.Helper()
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit)
	if limit.Cur = limit.Max; full {
		limit.Cur = 0
	}
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unfold(t *testing.T) string {
	t.Helper()
	dir, err := Unfold()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// complete says what is wrong with an unfolded package; "" if nothing is.
func complete(dir string) string {
	found := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, entry := range entries {
		if entry.Name() == bytecode {
			continue
		}
		if !entry.Type().IsRegular() {
			return entry.Name() + " is no regular file"
		}
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err.Error()
		}
		found[entry.Name()] = content
	}
	if !maps.EqualFunc(found, source(), bytes.Equal) {
		return fmt.Sprintf("%d files that differ from the %d embedded", len(found), len(source()))
	}
	return ""
}

func TestUnfoldedWorkerRunsByFileAndByFolder(t *testing.T) {
	home(t)
	dir := unfold(t)
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here")
	}
	for _, path := range []string{dir, filepath.Join(dir, "__main__.py")} {
		out, err := exec.Command(python, "-S", "-E", path, "--version").CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "butfor_worker ") {
			t.Errorf("python3 %s --version: %v: %s", path, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, bytecode)); err != nil {
		t.Errorf("Python could not keep the bytecode: %v", err)
	}
}

func TestHashTellsContentsApart(t *testing.T) {
	seen := map[string]string{}
	for name, files := range map[string]map[string][]byte{
		"one file":          {"a.py": []byte("x = 1\n")},
		"another content":   {"a.py": []byte("x = 2\n")},
		"another name":      {"b.py": []byte("x = 1\n")},
		"one file more":     {"a.py": []byte("x = 1\n"), "b.py": nil},
		"split":             {"a.py": []byte("ab"), "b.py": []byte("c")},
		"split elsewhere":   {"a.py": []byte("a"), "b.py": []byte("bc")},
		"a name in content": {"a.py": []byte("x = 1\n\"b.py\" 0\n")},
	} {
		sum := hash(files)
		if other := seen[sum]; other != "" {
			t.Errorf("%s and %s are both %s", name, other, sum)
		}
		seen[sum] = name
		if again := hash(maps.Clone(files)); again != sum {
			t.Errorf("%s is %s, then %s", name, sum, again)
		}
	}
}

func TestUnfoldNamesTheFolderByItsContent(t *testing.T) {
	cache, _ := home(t)
	if dir, want := unfold(t), filepath.Join(cache, "butfor", hash(source()), "butfor_worker"); dir != want {
		t.Errorf("unfolded into %s, want %s", dir, want)
	}
}

func TestManyMayUnfoldAtOnce(t *testing.T) {
	home(t)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			dir, err := Unfold()
			if err != nil {
				t.Error(err)
			} else if wrong := complete(dir); wrong != "" {
				t.Error(wrong)
			}
		})
	}
	all.Wait()
}

func TestManyMayMendAtOnce(t *testing.T) {
	home(t)
	dir := unfold(t)
	var all sync.WaitGroup
	for name := range source() {
		all.Go(func() {
			for range 30 {
				if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
				if _, err := Unfold(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if again := unfold(t); again != dir || complete(dir) != "" {
		t.Errorf("unfolded into %s, then %s: %s", dir, again, complete(dir))
	}
}

func TestUnfoldLeavesAnIntactFolderAlone(t *testing.T) {
	home(t)
	dir := unfold(t)
	old := time.Unix(1e9, 0)
	compiled := filepath.Join(dir, bytecode, "codec.pyc")
	if err := os.Mkdir(filepath.Dir(compiled), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(compiled, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name := range source() {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	unfold(t)
	for name := range source() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.ModTime().Equal(old) {
			t.Errorf("%s was written again: %v", name, err)
		}
	}
	if _, err := os.Stat(compiled); err != nil {
		t.Errorf("the bytecode is gone: %v", err)
	}
}

func TestUnfoldMends(t *testing.T) {
	const stale = true // the bytecode may be that of the wrong source
	for _, test := range []struct {
		name  string
		stale bool
		do    func(dir, codec string) error
	}{
		{"a file cut short", stale, func(_, codec string) error { return os.Truncate(codec, 10) }},
		{"a file of the same size", stale, func(_, codec string) error {
			return os.WriteFile(codec, bytes.Repeat([]byte("#"), len(source()["codec.py"])), 0o600)
		}},
		{"a missing file", !stale, func(_, codec string) error { return os.Remove(codec) }},
		{"a missing package", !stale, func(dir, _ string) error { return os.RemoveAll(dir) }},
		{"a folder in place of a file", !stale, func(_, codec string) error {
			return errors.Join(os.Remove(codec), os.MkdirAll(filepath.Join(codec, "below"), 0o700))
		}},
		{"a symlink to the same content", !stale, func(dir, codec string) error {
			elsewhere := filepath.Join(dir, "..", "elsewhere.py")
			return errors.Join(os.Rename(codec, elsewhere), os.Symlink(elsewhere, codec))
		}},
		{"a module more", !stale, func(dir, _ string) error {
			return os.WriteFile(filepath.Join(dir, "codec.so"), nil, 0o600)
		}},
		{"a package more", !stale, func(dir, _ string) error {
			return os.MkdirAll(filepath.Join(dir, "codec", "below"), 0o700)
		}},
		{"bytecode that is a file", !stale, func(dir, _ string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, bytecode)), os.WriteFile(filepath.Join(dir, bytecode), nil, 0o600))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			home(t)
			dir := unfold(t)
			if err := os.Mkdir(filepath.Join(dir, bytecode), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := test.do(dir, filepath.Join(dir, "codec.py")); err != nil {
				t.Fatal(err)
			}
			if again := unfold(t); again != dir {
				t.Errorf("unfolded into %s, then %s", dir, again)
			}
			if wrong := complete(dir); wrong != "" {
				t.Error(wrong)
			}
			info, err := os.Lstat(filepath.Join(dir, bytecode))
			if err == nil && test.stale {
				t.Error("the bytecode of the wrong source is still there")
			}
			if err == nil && !info.IsDir() {
				t.Error("no bytecode can be kept")
			}
		})
	}
}

// block has a folder be none: root may write everywhere, but not below a file.
func block(t *testing.T, path string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// own is this user's folder below the one for what is temporary.
var own = fmt.Sprintf("butfor-%d", os.Geteuid())

func TestUnfoldFallsBack(t *testing.T) {
	t.Run("to the temp folder", func(t *testing.T) {
		cache, temp := home(t)
		block(t, filepath.Join(cache, "butfor"))
		if dir, want := unfold(t), filepath.Join(temp, own, hash(source()), "butfor_worker"); dir != want {
			t.Errorf("unfolded into %s, want %s", dir, want)
		}
	})
	t.Run("from a cache folder half of which cannot be written", func(t *testing.T) {
		cache, temp := home(t)
		block(t, filepath.Join(cache, "butfor", hash(source())))
		if dir := unfold(t); !strings.HasPrefix(dir, temp) {
			t.Errorf("unfolded into %s, want it in %s", dir, temp)
		}
	})
	t.Run("without a home", func(t *testing.T) {
		_, temp := home(t)
		t.Setenv("XDG_CACHE_HOME", "")
		t.Setenv("HOME", "")
		if dir := unfold(t); !strings.HasPrefix(dir, temp) {
			t.Errorf("unfolded into %s, want it in %s", dir, temp)
		}
	})
	t.Run("to one private folder a process", func(t *testing.T) {
		cache, temp := home(t)
		block(t, filepath.Join(cache, "butfor"))
		block(t, filepath.Join(temp, own))
		dir := unfold(t)
		if wrong := complete(dir); wrong != "" {
			t.Error(wrong)
		}
		info, err := os.Stat(filepath.Dir(filepath.Dir(dir)))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the private folder: %v, %v", info.Mode(), err)
		}
		if again := unfold(t); again != dir {
			t.Errorf("unfolded into %s, then %s", dir, again)
		}
	})
	t.Run("or says all it tried", func(t *testing.T) {
		cache, temp := home(t)
		block(t, filepath.Join(cache, "butfor"))
		missing := filepath.Join(temp, "file")
		block(t, missing)
		t.Setenv("TMPDIR", missing)
		_, err := Unfold()
		if err == nil {
			t.Fatal("it found a folder")
		}
		for _, path := range []string{filepath.Join(cache, "butfor"), filepath.Join(missing, "butfor-")} {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not name %s: %v", path, err)
			}
		}
	})
}

// It has a process of its own, as all that a process writes is under the limit.
func TestAFullDiskLeavesNoPrivateFolderButOneThatIsInUse(t *testing.T) {
	const variable = "BUTFOR_TEST_FULL_DISK"
	if os.Getenv(variable) == "" {
		c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
		c.Env = append(os.Environ(), variable+"=1")
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	cache, temp := home(t)
	block(t, filepath.Join(cache, "butfor"))
	block(t, filepath.Join(temp, own))
	full(t, true)
	if _, err := Unfold(); err == nil {
		t.Error("it was unfolded on a full disk")
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "butfor-*", "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	full(t, false)
	dir := unfold(t)
	if err := os.Remove(filepath.Join(dir, "__main__.py")); err != nil {
		t.Fatal(err)
	}
	full(t, true)
	if _, err := Unfold(); err == nil {
		t.Error("it was mended on a full disk")
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("workers may run from it: %v", err)
	}
}

func TestUnfoldTrustsNoFolderThatOthersCanChange(t *testing.T) {
	another := os.Geteuid() + 1
	for _, test := range []struct {
		name string
		do   func(cache string) error
		used bool
	}{
		{"its own folder, open to the group", func(cache string) error { return os.Chmod(filepath.Join(cache, "butfor"), 0o770) }, false},
		{"its own folder, sticky and open to all", func(cache string) error {
			return os.Chmod(filepath.Join(cache, "butfor"), 0o777|fs.ModeSticky)
		}, false},
		{"its own folder, readable to all", func(cache string) error { return os.Chmod(filepath.Join(cache, "butfor"), 0o755) }, true},
		{"a folder above, open to all", func(cache string) error { return os.Chmod(filepath.Dir(cache), 0o777) }, false},
		{"a folder above, sticky and open to all", func(cache string) error { return os.Chmod(filepath.Dir(cache), 0o777|fs.ModeSticky) }, true},
		{"its own folder is another's", func(cache string) error { return os.Chown(filepath.Join(cache, "butfor"), another, -1) }, false},
		{"a folder above is another's", func(cache string) error { return os.Chown(cache, another, -1) }, false},
		{"its own folder is a symlink to a safe one", func(cache string) error {
			return errors.Join(os.Rename(filepath.Join(cache, "butfor"), filepath.Join(cache, "moved")),
				os.Symlink("moved", filepath.Join(cache, "butfor")))
		}, true},
		{"its own folder is a symlink to one open to all", func(cache string) error {
			open := filepath.Join(cache, "open")
			return errors.Join(os.Mkdir(open, 0o700), os.Chmod(open, 0o777),
				os.RemoveAll(filepath.Join(cache, "butfor")), os.Symlink(open, filepath.Join(cache, "butfor")))
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			cache, _ := home(t)
			unfold(t)
			err := test.do(cache)
			if errors.Is(err, fs.ErrPermission) {
				t.Skip("only root can give a folder away")
			}
			if err != nil {
				t.Fatal(err)
			}
			if dir := unfold(t); strings.HasPrefix(dir, cache) != test.used {
				t.Errorf("unfolded into %s; the cache folder %s should be used: %v", dir, cache, test.used)
			}
		})
	}
}

func TestTheImagesTagChangesWithWhateverGoesIntoIt(t *testing.T) {
	image := ImageSource()
	for name := range image.Files {
		other := maps.Clone(image.Files)
		other[name] = append(bytes.Clone(other[name]), '\n')
		if hash(other) == image.Tag {
			t.Errorf("%s may change, and the tag stays", name)
		}
	}
	for _, name := range []string{Containerfile, BaseRecipe, "butfor_worker/__main__.py", "butfor_worker/boot.py"} {
		if len(image.Files[name]) == 0 {
			t.Errorf("%s is missing", name)
		}
	}
	if again := ImageSource(); again.Tag != image.Tag || again.Base == image.Tag {
		t.Errorf("tags %s and %s, bases %s and %s", image.Tag, again.Tag, image.Base, again.Base)
	}
}
