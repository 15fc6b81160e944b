package trace

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/butfor/butfor/harness/scenario"
)

// A bundle is a folder with a run in it:
//
//	bundle.json      what this is, in which version, and what was run
//	trace.jsonl      the run, one event a line: of all its pools, where it has several
//	environment.json what that run met, if it is known
//	reference.jsonl  the ideal pool's run, if there was one
//	verdict.json     what was said of it
//	SHA256SUMS       of all these, as sha256sum -c reads it
const (
	bundleFormat  = "butfor bundle"
	bundleVersion = 1
	sumsFile      = "SHA256SUMS"
)

// A Bundle is a run as it stands on disk.
type Bundle struct {
	Format    string            `json:"format"`
	Version   int               `json:"version"`
	Scenario  scenario.Scenario `json:"scenario"` // the subject's code apart
	Record    *scenario.Record  `json:"record"`
	Reference *scenario.Record  `json:"reference,omitempty"`
	Verdict   *scenario.Verdict `json:"-"`
	Hashes    []string          `json:"hashes"` // of the record's trace and the reference's
	// Met says that what the record's run met is known.
	Met bool `json:"met"`
}

// Save writes a result as a bundle into a folder that it makes. It refuses a
// folder that holds anything, so that no earlier run is lost.
func Save(dir string, r scenario.Result) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("bundle: %s is not empty: name a new folder", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bundle: %w", err)
	}
	return written(dir, r, func(half string) error {
		_ = os.Remove(dir) // empty, or not there
		return os.Rename(half, dir)
	})
}

// SaveIn writes a result as a bundle into a folder of its own below out: one of that
// name, or where that is taken, by another program at the same time too, of that
// name and a number from 2. It gives the folder.
func SaveIn(out, name string, r scenario.Result) (dir string, err error) {
	dir = filepath.Join(out, name)
	return dir, written(dir, r, func(half string) error {
		for n := 2; ; n++ {
			err := os.Rename(half, dir) // never onto what holds anything
			if err == nil {
				return nil
			}
			if _, missing := os.Lstat(dir); missing != nil {
				return err
			}
			dir = filepath.Join(out, fmt.Sprintf("%s.%d", name, n))
		}
	})
}

// written writes a bundle beside where it is to be, and has it moved there once it
// is whole: a full disk leaves no half of one.
func written(dir string, r scenario.Result, move func(half string) error) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".")
	if err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	defer func() { _ = os.RemoveAll(half) }()
	if err := os.Chmod(half, 0o755); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	b := Bundle{Format: bundleFormat, Version: bundleVersion, Scenario: r.Scenario, Record: bare(r.Record), Reference: bare(r.Reference), Hashes: []string{Hash(r.Record)}, Met: r.Record.Environment != nil}
	if r.Reference != nil {
		b.Hashes = append(b.Hashes, Hash(r.Reference))
	}
	var sums strings.Builder
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{"trace.jsonl", func(w io.Writer) error { return writeEvents(w, r.Record) }},
		{"environment.json", func(w io.Writer) error { return indented(w, r.Record.Environment) }},
		{"reference.jsonl", func(w io.Writer) error { return writeEvents(w, r.Reference) }},
		{"verdict.json", func(w io.Writer) error { return indented(w, r.Verdict) }},
		{"bundle.json", func(w io.Writer) error { return indented(w, b) }},
		{sumsFile, func(w io.Writer) error { _, err := io.WriteString(w, sums.String()); return err }},
	} {
		if f.name == "reference.jsonl" && r.Reference == nil || f.name == "environment.json" && !b.Met {
			continue
		}
		sum, err := writeFile(filepath.Join(half, f.name), f.write)
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		fmt.Fprintf(&sums, "%s  %s\n", sum, f.name)
	}
	if err := move(half); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}

// bare is a record as it stands in bundle.json: its environment has a file of
// its own, and that of the reference's run is of no use to anybody.
func bare(r *scenario.Record) *scenario.Record {
	if r == nil {
		return nil
	}
	b := *r
	b.Environment = nil
	return &b
}

// Load reads a bundle. Its errors name the file and what is wrong with it.
func Load(dir string) (*Bundle, error) {
	text, err := os.ReadFile(filepath.Join(dir, "bundle.json"))
	if err != nil {
		return nil, fmt.Errorf("%s is no bundle: %w", dir, err)
	}
	if err := readable(dir, text); err != nil {
		return nil, err
	}
	var b Bundle
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", filepath.Join(dir, "bundle.json"), err)
	}
	if b.Record == nil {
		return nil, fmt.Errorf("%s: damaged: it names no record", filepath.Join(dir, "bundle.json"))
	}
	for i, r := range []*scenario.Record{b.Record, b.Reference} {
		if r == nil {
			continue
		}
		path := filepath.Join(dir, []string{"trace.jsonl", "reference.jsonl"}[i])
		events, err := readEvents(path)
		if err != nil {
			return nil, err
		}
		r.Events = nil
		for _, e := range events {
			of := r
			if n := e.Pool; n > 0 && n <= len(r.Others) {
				of = r.Others[n-1]
			}
			of.Events = append(of.Events, e)
		}
		if hash := Hash(r); i >= len(b.Hashes) || hash != b.Hashes[i] {
			return nil, fmt.Errorf("%s: damaged: its hash is %s, bundle.json says %q", path, hash, b.Hashes)
		}
	}
	if b.Met {
		if b.Record.Environment, err = readEnvironment(filepath.Join(dir, "environment.json")); err != nil {
			return nil, err
		}
	}
	text, err = os.ReadFile(filepath.Join(dir, "verdict.json"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if err := json.Unmarshal(text, &b.Verdict); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", filepath.Join(dir, "verdict.json"), err)
	}
	if b.Verdict == nil {
		return nil, fmt.Errorf("%s: damaged: it names no verdict", filepath.Join(dir, "verdict.json"))
	}
	return &b, b.sound(dir)
}

// readable says why a bundle.json is not to be read by this program, whatever else is
// in it: a newer one may have what this one has in another form.
func readable(dir string, text []byte) error {
	var is struct {
		Format  any `json:"format"`
		Version any `json:"version"`
	}
	if err := json.Unmarshal(text, &is); err != nil {
		return fmt.Errorf("%s: damaged: %w", filepath.Join(dir, "bundle.json"), err)
	}
	if is.Format != bundleFormat {
		return fmt.Errorf("%s is no bundle of ours: its format is %q", dir, fmt.Sprint(cmp.Or(is.Format, any(""))))
	}
	version, _ := is.Version.(float64)
	switch {
	case version < 1:
		return fmt.Errorf("%s: damaged: it is of version %v", filepath.Join(dir, "bundle.json"), version)
	case version > bundleVersion:
		return fmt.Errorf("%s was written by a newer butfor: version %v, this one reads %d", dir, version, bundleVersion)
	}
	return nil
}

// sound says which of a bundle's files is not as it was written, if one is.
func (b *Bundle) sound(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, sumsFile))
	if err != nil {
		return fmt.Errorf("%s: damaged: %w", dir, err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		sums[name] = sum
	}
	files := []string{"bundle.json", "trace.jsonl", "verdict.json"}
	if b.Reference != nil {
		files = append(files, "reference.jsonl")
	}
	if b.Met {
		files = append(files, "environment.json")
	}
	for _, name := range files {
		path := filepath.Join(dir, name)
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return fmt.Errorf("bundle: %w", err)
		}
		if hex.EncodeToString(h.Sum(nil)) != sums[name] {
			return fmt.Errorf("%s: damaged: it is not as it was written, by %s", path, sumsFile)
		}
	}
	return nil
}

func readEnvironment(path string) (*scenario.Environment, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	e := &scenario.Environment{}
	if err := json.Unmarshal(text, e); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", path, err)
	}
	if err := e.Check(); err != nil { // as damaged as it was written
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return e, nil
}

// Hash is the fingerprint of a record's trace.
func Hash(r *scenario.Record) string {
	h := sha256.New()
	if err := writeEvents(h, r); err != nil {
		panic(err) // an event is plain data, and a hash takes all
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ofAll are the events of all pools of a run, in the order of their times.
func ofAll(r *scenario.Record) []scenario.Event {
	if len(r.Others) == 0 {
		return r.Events
	}
	events := slices.Clone(r.Events)
	for _, other := range r.Others {
		events = append(events, other.Events...)
	}
	slices.SortStableFunc(events, func(a, b scenario.Event) int { return cmp.Compare(a.At, b.At) })
	return events
}

func writeEvents(w io.Writer, r *scenario.Record) error {
	e := json.NewEncoder(w)
	for _, event := range ofAll(r) {
		if err := e.Encode(event); err != nil {
			return err
		}
	}
	return nil
}

func readEvents(path string) (events []scenario.Event, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReader(f))
	for {
		var e scenario.Event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return events, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: damaged at event %d: %w", path, len(events)+1, err)
		}
		events = append(events, e)
	}
}

func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// writeFile writes a file, and gives the SHA-256 of what it wrote.
func writeFile(path string, write func(io.Writer) error) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	h, w := sha256.New(), bufio.NewWriter(f)
	err = errors.Join(write(io.MultiWriter(w, h)), w.Flush(), f.Close())
	return hex.EncodeToString(h.Sum(nil)), err
}
