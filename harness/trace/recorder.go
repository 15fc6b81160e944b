// Package trace watches the edges of a pool (calls in, ports out) and keeps
// what it saw: the recorder, and the bundle on disk. It judges nothing, and
// needs no hook in the subject.
package trace

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// CallID is the argument that tells the frames of a call at a port.
const CallID = "call_id"

// A Recorder writes events. Safe for concurrent use. What is seen at an edge is
// written right after a scheduling point, so that where the order of goroutines
// is controlled, so is the trace: one of the recorder's, or where a frame comes from
// a worker, the world's, in which it answered.
type Recorder struct {
	pool  int                  // whose edges it watches: see scenario.Event
	now   func() time.Duration // since the run began
	point func(who, at string) // where the order of goroutines may be decided

	mu       sync.Mutex
	events   []scenario.Event
	back     int // the last so many are calls that came back, not in their order yet
	ports    []*port
	calls    map[string]*call
	sessions map[string]*session
	sealed   bool
	killed   bool           // no worker may be launched any more
	changed  chan struct{}  // closed at the next event; nil if nobody waits for one
	named    map[string]int // launches by the worker's id
}

// call is what is known of a call at the ports.
type call struct {
	probe   bool
	extra   bool
	step    scenario.Step
	results [][]byte // what workers answered to it
	errors  []string // the same

	session             *session // nil: nothing is known of its state, or it was not made yet
	command, key, value string
}

// NewRecorder makes a recorder of one of a run's pools, whose clock is now, and whose
// scheduling points are point's: who and at name one goroutine at one place.
func NewRecorder(pool int, now func() time.Duration, point func(who, at string)) *Recorder {
	events := *blank.Get().(*[]scenario.Event)
	return &Recorder{pool: pool, now: now, point: point, events: events, calls: map[string]*call{}, sessions: map[string]*session{}, named: map[string]int{}}
}

// blank is what earlier runs were written into, to be written over: what is handed
// out is a copy, of its own length.
var blank = sync.Pool{New: func() any { return new([]scenario.Event) }}

// Add writes an event, at the present time.
func (r *Recorder) Add(e scenario.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(e)
}

func (r *Recorder) add(e scenario.Event) {
	if r.sealed {
		return // what comes later belongs to no run
	}
	r.settle()
	e.At, e.Pool = r.now(), r.pool
	if e.Killed == e.At {
		e.Killed = 0
	}
	if c := r.calls[e.Call]; c != nil {
		e.Extra = c.extra
	}
	r.events = append(r.events, e)
	r.changes()
}

// changes has those look again who wait for a change. It is called with the lock held.
func (r *Recorder) changes() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Outlives takes note of the workers that live on though their pool has closed.
func (r *Recorder) Outlives() {
	for _, p := range r.alive() {
		p.atClose = p.Info()
	}
}

// Outlived writes what those of them have done since that still live.
func (r *Recorder) Outlived() {
	for _, p := range r.alive() {
		i, was := p.Info(), p.atClose
		r.Add(scenario.Event{Kind: scenario.Outlived, Worker: p.id, OnCPU: i.CPU - was.CPU, Delay: i.RunDelay - was.RunDelay, Throttled: i.Throttled - was.Throttled, N: int(i.Written - was.Written)})
	}
}

// alive are the ports whose workers are, in the order of their launches.
func (r *Recorder) alive() []*port {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.ports), func(p *port) bool { return p.gone })
}

// Seal ends the recording and hands it out.
func (r *Recorder) Seal() []scenario.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sealed {
		r.settle()
		r.sealed = true
		events := r.events
		r.events = slices.Clone(events)
		clear(events)
		events = events[:0]
		blank.Put(&events)
	}
	return r.events
}

// Arrive notes that a call has come, which is a step of the workload's, or a probe.
func (r *Recorder) Arrive(id string, c subject.Call, step scenario.Step, probe bool) {
	r.arrives(id, c, &call{probe: probe, step: step})
}

// ArriveExtra notes that one has come that is neither: a fault has it made.
func (r *Recorder) ArriveExtra(id string, c subject.Call, step scenario.Step) {
	r.arrives(id, c, &call{extra: true, step: step})
}

func (r *Recorder) arrives(id string, c subject.Call, as *call) {
	r.point(id, "arrive")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[id] = as
	r.add(scenario.Event{Kind: scenario.Arrive, Call: id, Client: c.Client, Session: c.Session, Command: c.Command, Probe: as.probe})
}

// Begin notes that it is made, and tags it. Its caller comes from a point.
func (r *Recorder) Begin(id string, c *subject.Call, probe bool) {
	args := make(map[string]any, len(c.Args)+1) // the caller's is not ours to change
	maps.Copy(args, c.Args)
	args[CallID] = id
	c.Args = args
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begins(id, c)
	r.add(scenario.Event{Kind: scenario.Begin, Call: id, Client: c.Client, Probe: probe})
}

// Return notes how it ended, and compares the answer with those that workers
// gave to this call, and with what its session had left. No point is needed, as it makes no odds to the pool which of
// two calls was back first: those of one instant are written by name.
func (r *Recorder) Return(id, client string, reply subject.Reply, err error, excused bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.calls[id]
	e := scenario.Event{At: r.now(), Pool: r.pool, Kind: scenario.Return, Call: id, Client: client, Worker: reply.Worker, Probe: c.probe, Extra: c.extra, Excused: excused}
	if err != nil {
		e.Err = err.Error()
		reply.Result = nil
		var told *worker.RemoteError
		e.Right = errors.As(err, &told) && slices.Contains(c.errors, told.Message) && c.step.Right(told.Message)
	} else {
		if !c.step.Right("") {
			e.Err = fmt.Sprintf("there is a result, and not an error that says %q", c.step.Fails)
		}
		e.Wrong = true
		for _, result := range c.results {
			if sameJSON(result, reply.Result) {
				e.Wrong = false
			}
		}
	}
	if e.Text = c.ends(reply.Result, err != nil && !e.Right); e.Text != "" {
		e.Wrong = true
	}
	if !r.sealed {
		r.events = append(r.events, e)
		r.back++
	}
}

// settle puts in order which calls have come back since the last event: several may
// at one instant, woken by one thing.
func (r *Recorder) settle() {
	if r.back > 1 {
		slices.SortFunc(r.events[len(r.events)-r.back:], func(a, b scenario.Event) int {
			return cmp.Or(cmp.Compare(a.At, b.At), strings.Compare(a.Call, b.Call))
		})
	}
	r.back = 0
}

// Lose notes that a call did not come back at all.
func (r *Recorder) Lose(id, client string, probe bool) {
	r.point(id, "lose")
	r.Add(scenario.Event{Kind: scenario.Return, Call: id, Client: client, Probe: probe, Lost: true, Err: "the call never came back"})
}

// Held counts the calls that workers execute now.
func (r *Recorder) Held() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.ports {
		if !p.gone && slices.ContainsFunc(p.pending, func(s sent) bool { return s.call == "" || s.call != p.sending }) {
			n++
		}
	}
	return n
}

// Executing says whether a worker has a call in hand.
func (r *Recorder) Executing(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.ports {
		if p.gone {
			continue
		}
		if p.sending != id && slices.ContainsFunc(p.pending, func(s sent) bool { return s.call == id }) {
			return true
		}
	}
	return false
}

// Saw says whether there was an event of one of these kinds.
func (r *Recorder) Saw(kinds ...scenario.Kind) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.events, func(e scenario.Event) bool { return slices.Contains(kinds, e.Kind) })
}

// SoFar are the events that there have been.
func (r *Recorder) SoFar() []scenario.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Changed is closed at the next event, and once a probe is out.
func (r *Recorder) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return r.changed
}

// KillAll ends every worker that was launched, and returns once they are gone.
// None can be launched after it.
func (r *Recorder) KillAll() {
	r.mu.Lock()
	r.killed = true
	ports := append([]*port(nil), r.ports...)
	r.mu.Unlock()
	for _, p := range ports {
		p.Kill()
	}
	for _, p := range ports {
		<-p.watched
	}
}

// Launcher wraps a launcher so that its ports are recorded.
func (r *Recorder) Launcher(l worker.Launcher) worker.Launcher { return &launcher{r, l} }

type launcher struct {
	rec *Recorder
	worker.Launcher
}

func (l *launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	who := l.rec.name(id)
	l.rec.point(who, "launch")
	l.rec.Add(scenario.Event{Kind: scenario.Launch, Worker: id})
	inner, err := l.Launcher.Launch(ctx, id)
	if err != nil {
		l.rec.Add(scenario.Event{Kind: scenario.Launched, Worker: id, Err: err.Error(), Asked: ctx.Err() != nil})
		return nil, err
	}
	p := &port{Port: inner, rec: l.rec, id: id, who: who, secret: slices.Contains(worker.Habits(ctx), worker.Swallows), watched: make(chan struct{})}
	info := inner.Info()
	l.rec.mu.Lock()
	late := l.rec.killed
	if !late {
		l.rec.ports = append(l.rec.ports, p)
		e := scenario.Event{Kind: scenario.Launched, Worker: id, PID: info.PID, Engine: info.Engine.Total()}
		e.OnCPU, e.Delay, e.Throttled = info.Engine.CPU, info.Engine.RunDelay, info.Engine.Throttled
		l.rec.add(e)
	}
	l.rec.mu.Unlock()
	if late {
		inner.Kill()
		<-inner.Done()
		return nil, errOver
	}
	go p.watch()
	return p, nil
}

// name is what a launch is called at points: nobody else is, also where a
// subject gives one id twice.
func (r *Recorder) name(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.named[id]++
	if n := r.named[id]; n > 1 {
		return fmt.Sprintf("%s, launch %d", id, n)
	}
	return id
}

var errOver = errors.New("the run is over")

// port is a worker's port with the recorder at it.
type port struct {
	worker.Port
	rec     *Recorder
	id      string
	who     string // at points
	watched chan struct{}
	greeted atomic.Bool // it was sent its first frame
	secret  bool        // its worker keeps some errors to itself, by the pool's doing
	atClose worker.Info // of a worker that lived when its pool had closed; of who plays the run

	// guarded by rec.mu
	pending []sent
	sending string // of those the probe that is not out yet: it may fail to be; "": none
	ready   bool
	asked   bool          // to end, before it was seen to
	bidden  bool          // the same, by a frame that says so
	killed  time.Duration // when it first was, before it was seen to end; 0: it was not
	ended   bool          // it was seen to
	gone    bool
}

// A sent is a call that a worker has in hand: there is hardly ever more than one.
type sent struct {
	frame int64
	call  string
}

// holds is where the call of a frame is among those in hand; -1 if it is not.
func (p *port) holds(frame int64) int {
	return slices.IndexFunc(p.pending, func(s sent) bool { return s.frame == frame })
}

// Unwrap gives the port below.
func (p *port) Unwrap() worker.Port { return p.Port }

// Done is closed once the exit has been recorded: what a pool does upon it
// comes after it in the trace.
func (p *port) Done() <-chan struct{} { return p.watched }

// Kill implements worker.Port.
func (p *port) Kill() error {
	p.ask(true)
	return p.Port.Kill()
}

// Close implements worker.Port.
func (p *port) Close(ctx context.Context) error {
	p.ask(false)
	err := p.Port.Close(ctx)
	<-p.watched
	return err
}

// ask notes that the worker is told to end. A pool puts away one that died, too:
// that is no asking. What it has in hand it may bring to an end, unless it is killed.
func (p *port) ask(kill bool) {
	p.rec.mu.Lock()
	defer p.rec.mu.Unlock()
	p.asked = p.asked || !p.ended
	if kill && !p.ended && p.killed == 0 {
		p.killed = p.rec.now()
	}
}

// saw notes what a port's error says of its far side.
func (p *port) saw(err error) {
	if worker.Gone(err) {
		p.rec.mu.Lock()
		p.ended = true
		p.rec.mu.Unlock()
	}
}

func (p *port) Send(ctx context.Context, frame []byte) error {
	if p.greeted.Swap(true) { // else it comes with its launch, as that is when its hello is asked for
		p.rec.point(p.who, "send")
	}
	e := scenario.Event{Kind: scenario.Send, Worker: p.id}
	if request, err := wire.ParseHead(frame); err != nil {
		e.Err = err.Error()
	} else {
		e.ID, e.Command, e.Call, e.Session = request.ID, request.Command, request.Text(CallID), request.Text("session_id")
	}
	p.evidence(&e)
	p.rec.mu.Lock()
	if c := p.rec.calls[e.Call]; c != nil {
		e.Probe, e.Mute = c.probe, p.secret && c.step.Fails != ""
		if c.probe {
			p.sending = e.Call
		}
		if at := p.holds(e.ID); at >= 0 {
			p.pending[at].call = e.Call
		} else {
			p.pending = append(p.pending, sent{e.ID, e.Call})
		}
	}
	p.rec.add(e) // before it is sent: its answer may come at once
	bids := e.Command == "shutdown" && !p.ended && !p.bidden
	p.bidden = p.bidden || bids
	p.rec.mu.Unlock()
	err := p.Port.Send(ctx, frame)
	if err == nil && e.Probe {
		p.rec.mu.Lock()
		p.sending = ""
		p.rec.changes()
		p.rec.mu.Unlock()
	}
	if err != nil { // it did not go out after all
		e.Err = err.Error()
		p.rec.mu.Lock()
		p.sending = ""
		p.pending = slices.DeleteFunc(p.pending, func(s sent) bool { return s == sent{e.ID, e.Call} })
		p.bidden = p.bidden && !bids
		p.rec.add(e)
		p.rec.mu.Unlock()
		p.saw(err)
	}
	return err
}

func (p *port) Recv(ctx context.Context) ([]byte, error) {
	frame, err := p.Port.Recv(ctx)
	if err != nil {
		if errors.Is(err, wire.ErrTooLarge) {
			p.garbled(err)
		}
		p.saw(err)
		return frame, err
	}
	e := scenario.Event{Kind: scenario.Recv, Worker: p.id}
	reply, err := wire.ParseReply(frame)
	if err != nil {
		e.Err = err.Error()
	}
	p.evidence(&e)
	if err == nil && reply.Evidence != nil { // as it was when the worker answered, not when we came to look
		e.OnCPU, e.Delay = reply.Evidence.OnCPU, reply.Evidence.RunDelay
		e.Throttled = min(e.Throttled, e.Delay)
	}
	p.rec.mu.Lock()
	defer p.rec.mu.Unlock()
	if err == nil {
		e.ID, e.Err = reply.ID, reply.Error
		at := slices.IndexFunc(p.pending, func(s sent) bool { return reply.Answers(s.frame) })
		if at >= 0 && !reply.More {
			e.ID, e.Call = p.pending[at].frame, p.pending[at].call
			p.pending = slices.Delete(p.pending, at, at+1)
			c := p.rec.calls[e.Call]
			e.Probe = c.probe
			if reply.Success {
				c.results = append(c.results, bytes.Clone(reply.Result))
			} else {
				c.errors = append(c.errors, reply.Error)
			}
		}
	}
	p.rec.add(e)
	if err == nil && !p.ready {
		if _, err := wire.CheckHello(reply); err == nil {
			p.ready = true
			p.rec.add(scenario.Event{Kind: scenario.Ready, Worker: p.id, OnCPU: e.OnCPU, Delay: e.Delay, Throttled: e.Throttled})
		}
	}
	return frame, nil
}

// garbled notes that the worker has sent something of which no frame can be made:
// whatever it was asked last, it has come to an end with that. Which of several it was
// nobody knows.
func (p *port) garbled(err error) {
	p.rec.point(p.who, "recv")
	e := scenario.Event{Kind: scenario.Recv, Worker: p.id, Text: err.Error()}
	p.evidence(&e)
	p.rec.mu.Lock()
	defer p.rec.mu.Unlock()
	if len(p.pending) != 1 {
		return
	}
	e.ID, e.Call = p.pending[0].frame, p.pending[0].call
	e.Probe = p.rec.calls[e.Call].probe
	p.pending = nil
	p.rec.add(e)
}

func (p *port) evidence(e *scenario.Event) {
	i := p.Info()
	e.OnCPU, e.Delay, e.Throttled = i.CPU, i.RunDelay, i.Throttled
}

// watch sees the end of the worker's process.
func (p *port) watch() {
	<-p.Port.Done() // the port's own: ours is closed below
	p.rec.point(p.who, "exit")
	e := scenario.Event{Kind: scenario.Exit, Worker: p.id, Text: p.Exit().String()}
	p.evidence(&e)
	p.rec.mu.Lock()
	p.gone = true
	e.Asked, e.Killed = p.asked || p.bidden, p.killed
	p.rec.add(e)
	p.rec.mu.Unlock()
	close(p.watched)
}

// sameJSON says whether two texts are the same value. A pool may decode an
// answer and encode it anew.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := value(a)
	y, errY := value(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

// value decodes a text. Whole numbers stay whole: as floats, two that differ
// might not. Others become floats, so that 1.50 is 1.5.
func value(text []byte) (v any, err error) {
	if !json.Valid(text) { // a decoder would not look at what comes after
		return nil, errors.New("not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return plain(v), err
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v
		}
		if n := int64(f); float64(n) == f && f > -1<<53 && f < 1<<53 {
			return n
		}
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	}
	return v
}
