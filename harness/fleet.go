package harness

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/world/virtual"
)

// A Fleet plays virtual runs in child processes, one a core, because a bubble
// can be hung by what runs in it: a child that stands still is made to say where,
// and replaced. Safe for concurrent use.
type Fleet struct {
	// Command begins a child, which is to call Serve.
	Command func() *exec.Cmd
	// Size is how many children there are at most; 0: one a core.
	Size int
	// Threads is how many threads of a child may run Go code at once; 0: one, which is
	// best for virtual time.
	Threads int
	// Patience is how long a run may take in real time before it counts as
	// stuck; 0: a minute. A run takes milliseconds.
	Patience time.Duration

	// Of tests: once it is closed what is being played has taken too long.
	enough <-chan struct{}

	begin  sync.Once
	free   chan *child // as many as Size; not yet begun if its process is nil
	ending sync.Mutex
}

// A job is a run to be made in a child, a bundle to be judged there, or a case of the
// matrix to be tried. One without any asks for the units of time instead.
type job struct {
	Boot     time.Duration
	Subject  string // by its name, as code does not travel
	Mutant   string // in the subject's place; "": none is
	Scenario *Scenario
	Latent   bool // look also for what is latent in it
	Bundle   string
	Contract *scenario.Contract // in place of the bundle's; nil: that
	Case     *matrix.Case
	Sift     bool // of the case, the truth alone
}

// answer is what a child says of a job: a result, or an error of the lab. The
// result's events follow it, as they are most of it and JSON takes its time.
type answer struct {
	Err     string          `json:"error,omitempty"`
	Unit    findings.Unit   `json:"unit"`
	Result  Result          `json:"result"`
	Outcome *matrix.Outcome `json:"outcome,omitempty"`
	// Last says that the child ends after this: something of the run is left in it.
	Last bool `json:"last"`
}

// traces are what was seen of a run, of its reference, and of their other pools.
type traces struct {
	Own, Reference [][]scenario.Event
}

func (a *answer) traces() (e traces) {
	each(a.Result.Record, &e.Own, func(r *scenario.Record, events *[]scenario.Event) { *events = r.Events })
	each(a.Result.Reference, &e.Reference, func(r *scenario.Record, events *[]scenario.Event) { *events = r.Events })
	return e
}

func (a *answer) take(e traces) {
	each(a.Result.Record, &e.Own, func(r *scenario.Record, events *[]scenario.Event) { r.Events = *events })
	each(a.Result.Reference, &e.Reference, func(r *scenario.Record, events *[]scenario.Event) { r.Events = *events })
}

// each goes through the records of a run's pools with what was seen of them.
func each(run *scenario.Record, seen *[][]scenario.Event, do func(*scenario.Record, *[]scenario.Event)) {
	if run == nil {
		return
	}
	for i, r := range append([]*scenario.Record{run}, run.Others...) {
		if i == len(*seen) {
			*seen = append(*seen, nil)
		}
		do(r, &(*seen)[i])
	}
}

// Serve plays jobs, one a line of in, and answers on out, until in ends. It is a
// child's whole life: when in ends, in the midst of a run too, so does the process.
// t is for children that are tests; programs have none.
func Serve(t *testing.T, in io.Reader, out io.Writer) error {
	stuck := make(chan os.Signal, 1)
	signal.Notify(stuck, syscall.SIGQUIT)
	go func() {
		<-stuck
		tellStacks()
	}()
	jobs := make(chan job)
	failed := make(chan error, 1)
	go func() {
		defer close(jobs)
		d := json.NewDecoder(in)
		for {
			var j job
			if err := d.Decode(&j); err != nil {
				if !errors.Is(err, io.EOF) {
					failed <- err
					return
				}
				os.Exit(0) // whoever asked is gone, and what hangs here never ends by itself
			}
			jobs <- j
		}
	}()
	serve := func(t *testing.T) {
		buffered, dock := bufio.NewWriter(out), newDock(t)
		text, rest := json.NewEncoder(buffered), gob.NewEncoder(buffered)
		for j := range jobs {
			a := j.play(t, dock)
			if err := errors.Join(text.Encode(a), rest.Encode(a.traces()), buffered.Flush()); err != nil {
				failed <- err
				return
			}
			if a.Last {
				return
			}
		}
	}
	var err error
	if t != nil {
		serve(t)
	} else {
		err = virtual.Program(serve)
	}
	select {
	case failure := <-failed:
		return failure
	default:
		return err
	}
}

// tellStacks prints the stacks of all goroutines and ends the process. The
// runtime would do so upon SIGQUIT, but for the stack of a goroutine that runs on
// another thread: of the very one that never pauses.
func tellStacks() {
	_, _ = os.Stderr.Write(stacks())
	os.Exit(2)
}

// stacks are those of all goroutines.
func stacks() []byte {
	const most = 64 << 20 // bytes
	for size := 1 << 20; ; size *= 2 {
		all := make([]byte, size)
		if n := runtime.Stack(all, true); n < size || size >= most {
			return all[:n]
		}
	}
}

func (j job) play(t *testing.T, d *dock) (a answer) {
	if j.Case != nil {
		try := d.try
		if j.Sift {
			try = d.sift
		}
		o, err := try(*j.Case)
		if err != nil {
			return answer{Err: err.Error()}
		}
		return answer{Outcome: &o, Last: d.stranded}
	}
	if j.Bundle != "" {
		return j.judge(t)
	}
	if j.Scenario == nil {
		unit, err := Lab{World: virtual.Name, Boot: j.Boot, T: t}.measure(context.Background())
		if err != nil {
			return answer{Err: err.Error()}
		}
		return answer{Unit: unit}
	}
	sc := *j.Scenario
	s, err := Subject(j.Subject)
	if err == nil && j.Mutant != "" {
		s, err = mutant(j.Mutant)
		s.Name = j.Subject
	}
	if err == nil {
		sc.Subject = s
		err = sc.FindOthers(Subject)
	}
	if err == nil {
		a.Result, err = runIn(context.Background(), t, sc)
	}
	if err == nil && j.Latent {
		a.Result.Latent = latent(a.Result.Word, caseOf(context.Background(), t, a.Result))
	}
	if err != nil {
		return answer{Err: err.Error()}
	}
	a.Last = a.Result.Record.Stranded || a.Result.Reference != nil && a.Result.Reference.Stranded
	return a
}

func (j job) judge(t *testing.T) (a answer) {
	r, err := Reopen(j.Bundle)
	if err != nil {
		return answer{Err: err.Error()}
	}
	if j.Contract != nil {
		r.Scenario.Contract = j.Contract
	}
	begin := time.Now()
	r.Verdict = JudgeAlso(context.Background(), t, r)
	r.Seconds = time.Since(begin).Seconds()
	return answer{Result: r, Last: true} // nobody knows what replays have left in it
}

// Judge judges a bundle again, in a child, by the contract that it was made under
// or by another. Of the result's seconds it has those that judging took.
func (f *Fleet) Judge(ctx context.Context, dir string, contract *scenario.Contract) (Result, error) {
	r, err := Reopen(dir)
	if err != nil {
		return Result{}, err
	}
	a, err := f.ask(ctx, job{Bundle: dir, Contract: contract})
	if err != nil {
		return Result{}, err
	}
	r.Verdict, r.Seconds = a.Result.Verdict, a.Result.Seconds
	return r, nil
}

// Run is harness.Run in a child, for the virtual world. Children find the subject
// by its name: it is one of Subjects. A run that hangs or crashes its child has
// a result all the same.
func (f *Fleet) Run(ctx context.Context, sc Scenario) (Result, error) { return f.run(ctx, sc, job{}) }

// run is Run, with what else the job says: a mutant in place of the subject, one that
// the children have built in, or to look for what is latent.
func (f *Fleet) run(ctx context.Context, sc Scenario, j job) (Result, error) {
	if sc.World != virtual.Name {
		return Result{}, fmt.Errorf("a fleet runs scenarios in world %q, not %q", virtual.Name, sc.World)
	}
	if err := sc.Check(); err != nil {
		return Result{}, err
	}
	j.Subject, j.Scenario = sc.Subject.Name, &sc
	a, err := f.ask(ctx, j)
	if fell := (*fallenError)(nil); errors.As(err, &fell) {
		return fell.result(sc), nil
	} else if err != nil {
		return Result{}, err
	}
	r := a.Result
	r.Scenario.Subject, r.Scenario.Others = sc.Subject, sc.Others // code does not travel
	return r, nil
}

// measure takes the units of time.
func (f *Fleet) measure(ctx context.Context, boot time.Duration) (findings.Unit, error) {
	a, err := f.ask(ctx, job{Boot: boot})
	return a.Unit, err
}

// ask has a child do a job. A run that hangs it, or crashes it, is a *fallenError.
func (f *Fleet) ask(ctx context.Context, j job) (answer, error) {
	f.begin.Do(f.gather)
	var c *child
	select {
	case c = <-f.free:
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	defer func() { f.free <- c }()
	if c.cmd == nil {
		if err := c.begin(f.Command(), max(1, f.Threads)); err != nil {
			return answer{}, fmt.Errorf("a child for virtual runs can't be begun: %w", err)
		}
	}
	patience := cmp.Or(f.Patience, stuckAfter)
	a, err := c.ask(ctx, j, patience, f.enough)
	switch {
	case ctx.Err() != nil:
		c.end()
		return answer{}, context.Cause(ctx)
	case err != nil:
		_ = c.cmd.Process.Kill() // if it has not ended by itself, nobody knows what it is at
		fell := &fallenError{stuck: errors.Is(err, errStuck), patience: patience, stderr: c.end()}
		if !fell.stuck && ofTheLab(fell.stderr) {
			return answer{}, fmt.Errorf("the lab itself crashed, which says nothing of the pool; please report it with the command that you ran: %s", crash(fell.stderr))
		}
		return answer{}, fell
	case a.Err != "":
		return answer{}, errors.New(a.Err)
	}
	if a.Last {
		c.end()
	}
	return a, nil
}

// Width is how many runs can be under way at once.
func (f *Fleet) Width() int {
	if f.Size > 0 {
		return f.Size
	}
	return runtime.GOMAXPROCS(0)
}

// gather makes the children, none of which is begun yet.
func (f *Fleet) gather() {
	n := f.Width()
	f.free = make(chan *child, n)
	for range n {
		f.free <- &child{}
	}
}

// Close ends the children. No run may be under way. It may be called again, and a run
// after it begins others.
func (f *Fleet) Close() {
	f.begin.Do(f.gather)
	f.ending.Lock()
	defer f.ending.Unlock()
	var all []*child
	for range cap(f.free) {
		c := <-f.free
		c.end()
		all = append(all, c)
	}
	for _, c := range all {
		f.free <- c
	}
}

// A child is a process that plays runs.
type child struct {
	cmd    *exec.Cmd // nil if there is none
	in     io.WriteCloser
	out    *bufio.Reader
	rest   *gob.Decoder // of what follows each line of out
	stderr *bytes.Buffer
}

func (c *child) begin(cmd *exec.Cmd, threads int) (err error) {
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("GOMAXPROCS=%d", threads), "GOGC=400", "GOTRACEBACK=all") // runs are short and small; the last is for a panic
	c.stderr = &bytes.Buffer{}
	cmd.Stderr = c.stderr
	if c.in, err = cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	c.out = bufio.NewReader(out)
	c.rest = gob.NewDecoder(c.out)
	if err := cmd.Start(); err != nil {
		return err
	}
	c.cmd = cmd
	return nil
}

// stuckAfter is how long a virtual run may take in real time unless its patience
// is set.
const stuckAfter = time.Minute

// notOfTheRun says why time stands still, and what can be done.
const notOfTheRun = "in virtual time nobody may wait for what is no matter of the run, such as a lock that is held across a start; butfor overlay makes a package's locks a matter of it"

var errStuck = errors.New("it stood still")

// stoodStill is the mechanism of a run that did.
const stoodStill = "stuck"

// dumpPatience is how long a child may take to print its stacks and to end.
const dumpPatience = 10 * time.Second

// ask has the child play a job. One that takes too long, or of which it is enough,
// is made to print the stacks of its goroutines, which ends it.
func (c *child) ask(ctx context.Context, j job, patience time.Duration, enough <-chan struct{}) (a answer, err error) {
	process := c.cmd.Process
	kill := func() { _ = process.Kill() }
	late := time.AfterFunc(patience, func() { _ = process.Signal(syscall.SIGQUIT) })
	defer context.AfterFunc(ctx, kill)()
	defer time.AfterFunc(patience+dumpPatience, kill).Stop()
	if enough != nil {
		answered := make(chan struct{})
		defer close(answered)
		go func() {
			select {
			case <-enough:
				late.Reset(0)
			case <-answered:
			}
		}()
	}
	if err = json.NewEncoder(c.in).Encode(j); err == nil {
		a, err = c.read()
	}
	if !late.Stop() {
		err = errStuck
	}
	return a, err
}

func (c *child) read() (a answer, err error) {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return a, err
	}
	if err = json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	var e traces
	if err = c.rest.Decode(&e); err == nil {
		a.take(e)
	}
	return a, err
}

// end ends the child, if there is one, and gives what it wrote to stderr.
func (c *child) end() string {
	if c.cmd == nil {
		return ""
	}
	_ = c.in.Close()
	_, _ = io.Copy(io.Discard, c.out)
	_ = c.cmd.Wait() // only now: it closes what out reads from
	c.cmd = nil
	return c.stderr.String()
}

// A fallenError is a child that a run hung, or crashed.
type fallenError struct {
	stuck    bool
	patience time.Duration
	stderr   string
}

func (e *fallenError) Error() string {
	if e.stuck {
		return fmt.Sprintf("the run stood still for %v of real time: %s; %s", e.patience, blocked(e.stderr), notOfTheRun)
	}
	return "the program crashed: " + crash(e.stderr)
}

// result is that of the run which was asked for.
func (e *fallenError) result(sc Scenario) Result {
	r := unseen(sc)
	r.Word, r.Mechanism, r.Reason = scenario.Architectural, "crash", e.Error()
	if e.stuck {
		r.Word, r.Mechanism = scenario.Inconclusive, stoodStill
	}
	return r
}

// blocked finds in a dump of all goroutines those of a bubble that are not
// blocked durably: they are what its time waits for.
func blocked(dump string) string {
	var found []string
	for g := range strings.SplitSeq(dump, "\n\n") {
		head, stack, ok := strings.Cut(strings.TrimSpace(g), "\n")
		if !ok || !strings.HasPrefix(head, "goroutine ") || !strings.Contains(head, "synctest bubble") || strings.Contains(head, "(durable)") {
			continue
		}
		_, state, _ := strings.Cut(head, "[")
		state, _, _ = strings.Cut(state, ",")
		if at := place(stack); at != "" {
			found = append(found, fmt.Sprintf("a goroutine (%s) in %s", strings.TrimSuffix(state, "]:"), at))
		}
	}
	if len(found) == 0 {
		return "no goroutine of it says why"
	}
	return few(found)
}

// few are the first of these, and how many more there are.
func few(found []string) string {
	const most = 3
	if len(found) > most {
		found = append(found[:most:most], fmt.Sprintf("%d more", len(found)-most))
	}
	return strings.Join(found, ", ")
}

// inSubject says where in the code that is on trial the goroutines of a dump are; "" if
// none is in it.
func inSubject(dump string) string {
	var found []string
	for g := range strings.SplitSeq(dump, "\n\n") {
		_, stack, _ := strings.Cut(strings.TrimSpace(g), "\n")
		lines := strings.Split(stack, "\n")
		for i := 0; i+1 < len(lines); i += 2 {
			if at := place(lines[i] + "\n" + lines[i+1]); at != "" && !strings.HasPrefix(lines[i], "created by ") && !within(at, "harness", "faults", "worker", "internal") {
				found = append(found, at)
				break
			}
		}
	}
	slices.Sort(found)
	if found = slices.Compact(found); len(found) == 0 {
		return ""
	}
	return "it is in " + few(found)
}

// place is the first function of a stack that is neither the runtime's nor the
// standard library's, with file and line.
func place(stack string) string {
	lines := strings.Split(stack, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		call, file := lines[i], strings.TrimSpace(lines[i+1])
		path, _, _ := strings.Cut(call, "(")
		first, _, _ := strings.Cut(path, "/")
		if !strings.Contains(first, ".") || !strings.Contains(path, "/") && !strings.HasPrefix(path, "main.") {
			continue // no domain name in it: the standard library
		}
		if i := strings.LastIndex(call, "("); i > 0 {
			call = call[:i]
		}
		file, _, _ = strings.Cut(file, " +")
		return call + " at " + file
	}
	return ""
}

// panicOf is the first line of a panic and where it was, if there was one.
func panicOf(stderr string) (line, at string) {
	for _, mark := range []string{"panic: ", "fatal error: "} {
		if i := strings.Index(stderr, mark); i >= 0 {
			line, rest, _ := strings.Cut(stderr[i:], "\n")
			if _, stack, ok := strings.Cut(rest, "]:\n"); ok {
				at = place(stack)
			}
			return line, at
		}
	}
	return "", ""
}

// ofTheLab says whether a panic was in the lab's own code: not in a pool, nor in a
// test that plays one.
func ofTheLab(stderr string) bool {
	_, at := panicOf(stderr)
	return within(at, "harness", "faults", "worker/model")
}

// within says whether a place is in one of these rooms, and in nobody's pool or test.
func within(at string, rooms ...string) bool {
	for _, room := range rooms {
		path, ours := strings.CutPrefix(at, "github.com/butfor/butfor/"+room)
		if ours && (path[0] == '.' || path[0] == '/') && !strings.HasPrefix(path, "/subject") && !strings.Contains(path, "_test.go:") {
			return true
		}
	}
	return false
}

// crash is the first line of a panic and where it was.
func crash(stderr string) string {
	if line, at := panicOf(stderr); line != "" {
		if at != "" {
			line += ", in " + at
		}
		return line
	}
	if stderr = strings.TrimSpace(stderr); stderr != "" {
		return stderr[:min(len(stderr), 400)]
	}
	return "it said nothing"
}
