package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/report"
	"github.com/butfor/butfor/harness/world/virtual"
)

// A matrixPlan is what is played, and by which code.
type matrixPlan struct {
	Program string `json:"program"` // the hash of the one that has the mutants and plays the cases
	World   string `json:"world"`
	Subject string `json:"subject"`
	Seed    uint64 `json:"seed"`
	Seeds   int    `json:"seeds"`
	Cases   int    `json:"cases"`
	Tenth   bool   `json:"tenth"`
}

// String is the command line of the plan.
func (p matrixPlan) String() string {
	line := fmt.Sprintf("butfor matrix --seed %d --seeds %d", p.Seed, p.Seeds)
	if p.World != virtual.Name {
		line += " --world " + p.World
	}
	if p.Subject != "" {
		line += " --subject " + p.Subject
	}
	if p.Cases > 0 {
		line += fmt.Sprintf(" --cases %d", p.Cases)
	}
	if p.Tenth {
		line += " --tenth"
	}
	return line
}

// A savedMatrix is a file of JSON Lines: a plan, and what came out of its cases. It is one
// program's at a time. Until begin nothing in it is changed.
type savedMatrix struct {
	file *os.File
	path string
	plan matrixPlan       // that it is of; the zero value: of none yet
	had  []matrix.Outcome // what came out of cases before
	end  int64            // of the last whole line
}

// saveMatrix opens the file in a folder, or makes both. If there is something in it,
// resume must be asked for, and it must be of a plan with these flags.
func saveMatrix(dir string, flags matrixPlan, resume bool) (*savedMatrix, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "matrix.jsonl")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	s := &savedMatrix{file: file, path: path}
	if err := s.open(flags, resume); err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *savedMatrix) open(flags matrixPlan, resume bool) error {
	if err := syscall.Flock(int(s.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return errors.New("another butfor is at it: wait for its end, or name another folder")
	} else if err != nil {
		return fmt.Errorf("it can't be locked: %w", err)
	}
	text, err := io.ReadAll(s.file)
	if err != nil {
		return err
	}
	if len(text) > 0 && !resume { // minutes went into it
		return errors.New("it is there already: --resume goes on with it")
	}
	if err := s.read(text); err != nil {
		return fmt.Errorf("%w: mend it, or begin in another folder", err)
	}
	its := s.plan
	its.Program = ""
	if s.plan != (matrixPlan{}) && its != flags {
		return fmt.Errorf("it is of %q: give these flags, or begin in another folder", its)
	}
	return nil
}

// read takes in what is there. A last line that is no whole one was being written when
// the program was killed: it does not count.
func (s *savedMatrix) read(text []byte) error {
	seen := map[matrix.Case]bool{}
	nth := 0
	for line := range bytes.Lines(text) {
		nth++
		if !bytes.HasSuffix(line, []byte("\n")) && nth > 1 {
			return nil
		}
		if nth == 1 {
			if err := strict(line, &s.plan); err != nil || s.plan == (matrixPlan{}) || !bytes.HasSuffix(line, []byte("\n")) {
				return errors.New("its first line is not the plan of a matrix")
			}
		} else {
			var o matrix.Outcome
			if err := strict(line, &o); err != nil {
				return fmt.Errorf("line %d is not what came out of a case: %w", nth, err)
			}
			if seen[o.Undrawn()] {
				return fmt.Errorf("line %d: %v is there twice", nth, o.Case)
			}
			seen[o.Undrawn()] = true
			s.had = append(s.had, o)
		}
		s.end += int64(len(line))
	}
	return nil
}

// strict reads one value, and nothing but that.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than that")
	}
	return nil
}

// begin says that this program will play what is left of these cases, and gives what came
// out of the others before. It is an error if they are not those of the plan.
func (s *savedMatrix) begin(program string, flags matrixPlan, cases []matrix.Case) (had []matrix.Outcome, left []matrix.Case, err error) {
	if its := s.plan.Program; its != "" && its != program {
		return nil, nil, fmt.Errorf("%s: it is of another version of butfor or of the mutants: begin in another folder", s.path)
	}
	before := map[matrix.Case]matrix.Outcome{}
	for _, o := range s.had {
		before[o.Undrawn()] = o
	}
	for _, c := range cases {
		o, ok := before[c.Undrawn()]
		if ok && o.Real.Scale == c.Real.Scale {
			had = append(had, o)
			delete(before, c.Undrawn())
		} else if !ok {
			left = append(left, c)
		}
	}
	for _, o := range before {
		return nil, nil, fmt.Errorf("%s: %v is none of the cases: begin in another folder", s.path, o.Case)
	}
	if err := s.cut(); err != nil {
		return nil, nil, err
	}
	if s.end == 0 {
		flags.Program = program
		err = s.write(flags)
	}
	return had, left, err
}

// cut takes away what is no whole line.
func (s *savedMatrix) cut() error {
	_, err := s.file.Seek(s.end, io.SeekStart)
	return errors.Join(err, s.file.Truncate(s.end))
}

// write adds a line, whole or not at all.
func (s *savedMatrix) write(v any) error {
	var line bytes.Buffer
	err := report.JSON(&line, v)
	if err == nil {
		_, err = s.file.Write(line.Bytes())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("--out: %w", err), s.cut())
	}
	s.end += int64(line.Len())
	return nil
}

// kept says that nothing of what there was is lost by what ended the matrix before its
// cases, and gives that.
func (s *savedMatrix) kept(err error) error {
	if s != nil && len(s.had) > 0 {
		fmt.Fprintf(os.Stderr, "butfor: %d cases are in %s still: the same command goes on\n", len(s.had), s.path)
	}
	return err
}

func (s *savedMatrix) close() { s.file.Close() }

// hashOf is a file's.
func hashOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), err
}
