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
	"reflect"
	"syscall"

	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/report"
)

// A matrixPlan is all that what comes out of a matrix's cases hangs on, but for the machine.
type matrixPlan struct {
	Program string `json:"program"` // the hash of the one with the mutants
	World   string `json:"world"`
	Pool    string `json:"pool,omitempty"`
	Seed    uint64 `json:"seed"`
	Seeds   int    `json:"seeds"`
	Cases   int    `json:"cases,omitempty"`
	Tenth   bool   `json:"tenth,omitempty"`
}

// A savedMatrix is a folder with what came out of cases, a line each, beside the plan
// that they are of. It is one program's at a time.
type savedMatrix struct {
	file *os.File // nil: nothing is saved
	had  []matrix.Outcome
}

// The files of such a folder.
const (
	matrixPlanFile     = "plan.json"
	matrixOutcomesFile = "matrix.jsonl"
)

// saveMatrix makes such a folder, or opens one to go on with: one that is there, unless
// that was asked for, is left alone.
func saveMatrix(dir string, resume bool) (*savedMatrix, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	flags := os.O_RDWR | os.O_CREATE
	if !resume {
		flags |= os.O_EXCL // minutes went into one that is there
	}
	path := filepath.Join(dir, matrixOutcomesFile)
	file, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already; --resume goes on with it", path)
	} else if err != nil {
		return nil, err
	}
	s := &savedMatrix{file: file}
	if err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		err = fmt.Errorf("%s: another butfor is at it", path)
	} else if err = s.read(); err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// read takes in what is there. A last line that is no whole one was being written when
// the program was killed: it goes.
func (s *savedMatrix) read() error {
	text, err := io.ReadAll(s.file)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(text, '\n') + 1
	for nth, line := range bytes.Split(text[:whole], []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var o matrix.Outcome
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			return fmt.Errorf("line %d is no outcome of a case: %w", nth+1, err)
		}
		s.had = append(s.had, o)
	}
	if err := s.file.Truncate(int64(whole)); err != nil {
		return err
	}
	_, err = s.file.Seek(0, io.SeekEnd)
	return err
}

// of says of which plan the outcomes are. It is an error if those that are there are of
// another one.
func (s *savedMatrix) of(plan matrixPlan) error {
	if s.file == nil {
		return nil
	}
	path := filepath.Join(filepath.Dir(s.file.Name()), matrixPlanFile)
	if len(s.had) == 0 {
		text, err := json.Marshal(plan)
		if err != nil {
			return err
		}
		return os.WriteFile(path, append(text, '\n'), 0o666)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var its matrixPlan
	if err := json.Unmarshal(text, &its); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	program := its.Program
	its.Program = plan.Program
	switch {
	case !reflect.DeepEqual(its, plan):
		return fmt.Errorf("%s is of other flags: give those, or begin in another folder", path)
	case program != plan.Program:
		return fmt.Errorf("%s is of another version of butfor or of the mutants: begin in another folder", path)
	}
	return nil
}

// add saves what came out of one more case.
func (s *savedMatrix) add(o matrix.Outcome) error {
	if s.file == nil {
		return nil
	}
	return report.JSON(s.file, o)
}

// split are what came out of those of the cases that were played already, and the cases
// that are left.
func (s *savedMatrix) split(cases []matrix.Case) (had []matrix.Outcome, left []matrix.Case) {
	name := func(c matrix.Case) matrix.Case {
		c.Draw, c.Real = 0, matrix.Real{}
		return c
	}
	played := map[matrix.Case]matrix.Outcome{}
	for _, o := range s.had {
		played[name(o.Case)] = o
	}
	for _, c := range cases {
		if o, ok := played[name(c)]; ok {
			had = append(had, o)
		} else {
			left = append(left, c)
		}
	}
	return had, left
}

func (s *savedMatrix) close() {
	if s.file != nil {
		s.file.Close()
	}
}

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
