package virtual

import (
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"
)

// Program has f run in an ordinary program, which has no *testing.T, and a
// bubble asks for one. It swaps os.Stdout while f runs, because testing prints
// there, so f must have hold of the real one if it wants to write to it. One
// runs at a time.
func Program(f func(t *testing.T)) error {
	if testing.Testing() {
		return errors.New("this is a test: its own *testing.T must be used")
	}
	program.Lock()
	defer program.Unlock()
	initTesting.Do(func() {
		ours := flag.CommandLine
		flag.CommandLine = flag.NewFlagSet(os.Args[0], flag.ContinueOnError) // its flags are no matter of ours, nor ours of its
		testing.Init()
		_ = flag.CommandLine.Parse(nil) // else Run parses os.Args itself
		testFlags = flag.CommandLine
		flag.CommandLine = ours
	})
	ours, stdout := flag.CommandLine, os.Stdout
	flag.CommandLine, os.Stdout = testFlags, os.Stderr
	defer func() { flag.CommandLine, os.Stdout = ours, stdout }()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	os.Stdout = null // it prints PASS there
	ran := false
	m := testing.MainStart(deps{}, []testing.InternalTest{{Name: Name, F: func(t *testing.T) {
		f(t)
		ran = true
	}}}, nil, nil, nil)
	if m.Run(); !ran {
		return errors.New("the run ended its goroutine in place of returning")
	}
	return nil
}

var (
	program     sync.Mutex
	initTesting sync.Once
	testFlags   *flag.FlagSet
)

// deps is what testing asks of its environment: nothing that we use.
type deps struct{}

func (deps) MatchString(string, string) (bool, error)    { return true, nil }
func (deps) StartCPUProfile(io.Writer) error             { return nil }
func (deps) StopCPUProfile()                             {}
func (deps) WriteProfileTo(string, io.Writer, int) error { return nil }
func (deps) ImportPath() string                          { return "" }
func (deps) ModulePath() string                          { return "" }
func (deps) SetPanicOnExit0(bool)                        {}
func (deps) StartTestLog(io.Writer)                      {}
func (deps) StopTestLog() error                          { return nil }

type corpusEntry = struct {
	Parent     string
	Path       string
	Data       []byte
	Values     []any
	Generation int
	IsSeed     bool
}

func (deps) CoordinateFuzzing(time.Duration, int64, time.Duration, int64, int, []corpusEntry, []reflect.Type, string, string) error {
	return nil
}
func (deps) RunFuzzWorker(func(corpusEntry) error) error              { return nil }
func (deps) ReadCorpus(string, []reflect.Type) ([]corpusEntry, error) { return nil, nil }
func (deps) CheckCorpus([]any, []reflect.Type) error                  { return nil }
func (deps) ResetCoverage()                                           {}
func (deps) SnapshotCoverage()                                        {}
func (deps) InitRuntimeCoverage() (mode string, tearDown func(string, string) (string, error), snapcov func() float64) {
	return
}
