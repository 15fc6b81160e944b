package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/internal/settings"
)

// A File is a scenario as it stands in a file, with what is to come out of it.
// It is YAML that says what the fields of a Scenario say, in lower case and with
// underscores; durations are written as in Go, such as 1.5s or 300ms. A recorded
// environment does not go into it: that is a matter of bundles.
type File struct {
	Subject   string // by its name
	Expected  Word   // "" if nothing is claimed of it
	Mechanism string // the same
	Scenario  Scenario
}

// page is a File as it is written.
type page struct {
	Subject   string `yaml:"subject"`
	Scenario  `yaml:",inline"`
	Expected  Word   `yaml:"expected,omitempty"`
	Mechanism string `yaml:"mechanism,omitempty"`
}

// Parse reads a scenario file. find gives the subject of a name. Its errors say
// in which line which key is wrong.
func Parse(text []byte, find func(name string) (subject.Subject, error)) (f File, err error) {
	var p page
	root, err := settings.Read(text, &p)
	if err != nil {
		return f, err
	}
	f = File{Subject: p.Subject, Expected: p.Expected, Mechanism: p.Mechanism, Scenario: p.Scenario}
	switch p.Expected {
	case "", Sound, Architectural, Environmental, Amplified, Overdetermined, Infeasible, Inconclusive:
	default:
		return f, settings.Locate(root, settings.Wrong("expected", "is %q, which is no verdict", p.Expected))
	}
	if p.Subject == "" {
		return f, errors.New("it names no subject")
	}
	if f.Scenario.Subject, err = find(p.Subject); err != nil {
		return f, settings.Locate(root, settings.Wrong("subject", "is %q: %v", p.Subject, err))
	}
	if err := f.Scenario.FindOthers(find); err != nil {
		return f, settings.Locate(root, err)
	}
	return f, settings.Locate(root, f.Scenario.Check())
}

// Text is the file as it is written.
func (f File) Text() ([]byte, error) {
	if f.Scenario.Replay != nil {
		return nil, errors.New("a recorded environment does not go into a scenario file: without it the run would be another; save it as a bundle")
	}
	p := page{Subject: f.Subject, Expected: f.Expected, Mechanism: f.Mechanism, Scenario: f.Scenario}
	if p.Subject == "" {
		p.Subject = f.Scenario.Subject.Name
	}
	return yaml.MarshalWithOptions(p, yaml.Indent(2))
}

// Read reads a scenario file from disk. A scenario without a name has that of
// its file.
func Read(path string, find func(name string) (subject.Subject, error)) (File, error) {
	text, err := settings.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("scenario: %w", err)
	}
	f, err := Parse(text, find)
	if err != nil {
		return f, settings.In(path, err)
	}
	if f.Scenario.Name == "" {
		name := filepath.Base(path)
		f.Scenario.Name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	return f, nil
}

// Write writes a scenario file. A comment goes on top of it. It does not
// overwrite one that is there.
func (f File) Write(path, comment string) (err error) {
	text, err := f.Text()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var b bytes.Buffer
	for line := range strings.Lines(comment) {
		b.WriteString(strings.TrimRight("# "+line, " \n") + "\n")
	}
	b.Write(text)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			_ = os.Remove(path) // half a scenario is none
		}
	}()
	_, err = file.Write(b.Bytes())
	return err
}
