// Package model has the Python worker's model: the same port, frames and
// commands, but demands in place of work, so that a pool can be run in a
// testing/synctest bubble, where minutes take milliseconds. It says what CPU it
// needs; who shares the cores is its user's business. Real processes belong to
// the other folders of worker.
package model

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Profile is how one worker behaves. The zero value is a healthy worker that
// starts at once.
type Profile struct {
	Launch            time.Duration // that its launch takes, as a container engine's does, before all else
	BootCPU, BootWait time.Duration // before it reads its first frame
	Refuse            error         // what Launch says instead of starting it
	Mute              bool          // never says hello
	Hello             any           // the hello's result, in place of status ok
	HelloID           int64         // the hello's id, in place of 0
	AtHello           *wire.Order   // what it is ordered at its hello; nil: nothing
	Imports           bool          // states once it has booted that it has imported what it was to
	ReadsSlowly       bool          // states once it has booted that its disk was as slow as it was to be
	Share             float64       // of a core that it gets while it computes, waiting for it otherwise; 0: all. Without a CPU alone
	WrongIDAt         int           // answers its n-th call under another id
	DeafAt            int           // takes no notice of its n-th call, from 1, nor of any after it
	TwoHellos         bool          // says hello twice
	TwiceAt           int           // answers its n-th call twice, from 1
	TwiceAfter        time.Duration // ... the second time so long after the first
	Stubborn          time.Duration // lives on for so long after its port was closed

	// How it ends by itself; in the midst of a call see Fate.
	DieBooted  *worker.Exit  // before it reads its first frame
	DieAtHello *worker.Exit  // in place of the hello
	DieAtCall  int           // in place of the answer to its n-th call, from 1, with status 1
	DieAged    *worker.Exit  // whatever it does ...
	DieAge     time.Duration // ... so long after its launch
}

// A CPU gives one worker its time on the processors. It computes one thing at a
// time. Its methods may be called concurrently.
type CPU interface {
	// Burn has had called once d of CPU time was had, unless Stop comes before; it
	// is called by a goroutine that holds no lock.
	Burn(d time.Duration, had func())
	// Stop ends what it computes, if it does: had may still be called, if it was
	// about to be.
	Stop()
	// Used is what the worker has had so far, for how long it could run and had to
	// wait, and how much of that wait was a quota's doing.
	Used() (had, waited, throttled time.Duration)
}

// A Launcher starts model workers. Make it inside the bubble. Its settings are
// not to be changed once it is in use.
type Launcher struct {
	// Profile says how the n-th launch, from 0, behaves; those that failed, or
	// were called off, count too. nil: all healthy.
	Profile func(n int) Profile
	// CPU is where the n-th launch computes. nil: each on cores of its own.
	CPU func(id string, n int) CPU
	// Fate says what becomes of a call. nil: it asks for what its command does, and
	// is answered.
	Fate func(Call) Fate
	// Turn is where a worker's order among others is decided: it has then called,
	// by a goroutine that holds no lock, when it is the turn of who at that place. It
	// is asked once whatever a worker is in the midst of is done, its pause is over, or
	// it crashes, and before anybody can see what came of it. nil: it is the turn of each
	// at once.
	Turn func(who, at string, then func())

	mu       sync.Mutex
	asked    int // launches that were asked for
	launched []*Port
	most     int
}

// Launch implements worker.Launcher.
func (l *Launcher) Launch(ctx context.Context, id string) (worker.Port, error) {
	return l.LaunchWith(ctx, id, nil)
}

// LaunchWith is Launch, of a worker whose profile is altered first, unless alter
// is nil.
func (l *Launcher) LaunchWith(ctx context.Context, id string, alter func(*Profile)) (worker.Port, error) {
	p, err := l.port(ctx, id, alter)
	if err != nil {
		return nil, err
	}
	if err := p.launch(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// port is a worker that is about to be launched.
func (l *Launcher) port(ctx context.Context, id string, alter func(*Profile)) (*Port, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.asked
	l.asked++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := &Port{
		ID: id, Begin: time.Now(), launcher: l,
		out: newPipe(), done: make(chan struct{}), clock: clockOff,
	}
	if n%2 == 0 {
		p.clock = -clockOff
	}
	if l.Profile != nil {
		p.profile = l.Profile(n)
	}
	if alter != nil {
		alter(&p.profile)
	}
	p.habits = worker.Habits(ctx)
	if l.Turn != nil {
		p.who = id + "/" + strconv.Itoa(n+1)
	}
	if l.CPU != nil {
		p.cpu = l.CPU(id, n)
	} else {
		p.cpu = &alone{share: p.profile.Share}
	}
	l.launched = append(l.launched, p)
	if err := p.profile.Refuse; err != nil {
		close(p.done)
		return nil, err
	}
	l.most = max(l.most, l.alive())
	return p, nil
}

// Ports are all that were launched, in order.
func (l *Launcher) Ports() []*Port {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Port(nil), l.launched...)
}

// Alive is how many live now.
func (l *Launcher) Alive() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alive()
}

// MostAlive is how many ever lived at once.
func (l *Launcher) MostAlive() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.most
}

func (l *Launcher) alive() (n int) {
	for _, p := range l.launched {
		if !p.Gone() {
			n++
		}
	}
	return n
}

// clockOff is how wrong the clocks of models are, those of every other worker the other
// way: whoever reckons with a worker's time and his own at once is to be found out.
const clockOff = 100 * 24 * time.Hour

// A Port is a model worker. It has no goroutine: it goes on as it is sent frames,
// as its demands are met, and as it is told to end.
type Port struct {
	ID    string
	Begin time.Time // of the launch

	launcher *Launcher
	clock    time.Duration // how far its clock is before everybody else's
	profile  Profile
	habits   []worker.Habit
	who      string // in turns
	cpu      CPU
	out      pipe
	done     chan struct{}
	exit     worker.Exit

	stderr  atomic.Pointer[string]        // the last that it wrote there; nil: nothing
	written atomic.Int64                  // bytes, there, its log apart
	logs    atomic.Pointer[time.Duration] // CPU that it had had when it began to write one; nil: it has not
	deaf    atomic.Bool                   // it has closed the side of its port that it reads from

	mu       sync.Mutex // guards what follows, and all that it does
	in       [][]byte
	sessions map[string]session // by id
	calls    int
	more     Demand // that each call asks for
	burdened int    // calls that did
	held     int64  // bytes, by alloc
	most     int64  // that it may hold; 0: any number
	busy     bool   // it boots, or serves a frame
	booting  bool
	head     wire.Head     // of the request that it serves
	order    *wire.Order   // that came with it; nil: none
	reply    wire.Reply    // to it
	wait     time.Duration // of its demand, once it has had the CPU time
	then     func()        // what comes once it is met
	first    string        // what it writes to its stderr before that
	asked    bool          // for its turn, in which that comes about
	stopped  bool          // it leaves off whatever it does, and serves nothing any more
	killed   bool
	died     *worker.Exit // by itself, in the midst of something
	waiting  *time.Timer
	ordered  *time.Timer // its exit
	age      *time.Timer
	noise    []byte // what it has printed to its port
	last     []byte // its last reply
	outlives bool   // it takes no notice of the end of its port, and computes

	computing bool          // it wants CPU, or is about to be told that it had it
	wants     time.Duration // of CPU, since it had had so much
	before    time.Duration
	paused    bool
	pauses    int           // how often it was
	left      time.Duration // that it still wanted when it was paused
	later     []func()      // what has to wait until it goes on
}

// Boot is what its start asks for; ok is false if it never says hello, or ends
// before.
func (p *Port) Boot() (d Demand, ok bool) {
	b := &p.profile
	return Demand{CPU: b.BootCPU, Wait: b.Launch + b.BootWait}, !b.Mute && b.DieAtHello == nil && b.DieBooted == nil && b.Refuse == nil
}

// CPU is where it computes.
func (p *Port) CPU() CPU { return p.cpu }

// Calls is how many it has taken, the hello not counted.
func (p *Port) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Gone says whether it has ended.
func (p *Port) Gone() bool { return isClosed(p.done) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Send implements worker.Port.
func (p *Port) Send(ctx context.Context, frame []byte) error {
	if p.Gone() || p.deaf.Load() {
		return worker.ErrGone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in = append(p.in, bytes.Clone(frame))
	p.next()
	return nil
}

// Recv implements worker.Port.
func (p *Port) Recv(ctx context.Context) ([]byte, error) {
	for {
		if frame, err := p.out.take(); !errors.Is(err, errNothing) {
			return frame, err
		}
		if p.Gone() {
			return p.out.last()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		select { // only wakes us: frame, death and deadline are looked at in that order
		case <-p.out.some:
		case <-p.done:
		case <-ctx.Done():
		}
	}
}

// Unasked implements worker.Listener.
func (p *Port) Unasked() bool { return !p.out.empty() }

// Info implements worker.Port.
func (p *Port) Info() worker.Info {
	had, waited, throttled := p.cpu.Used()
	i := worker.Info{CPU: had, RunDelay: waited, Throttled: throttled, Engine: worker.EngineTime{Start: p.profile.Launch}}
	if said := p.stderr.Load(); said != nil {
		i.Stderr = *said
	}
	i.Written = p.written.Load()
	if before := p.logs.Load(); before != nil {
		i.Written += int64(logRate * (had - *before).Seconds())
	}
	return i
}

// Burden has each call that it takes from now on ask for more; the zero Demand: for no
// more.
func (p *Port) Burden(more Demand) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.more = more
}

// Burdened is how many calls have asked for more so far.
func (p *Port) Burdened() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.burdened
}

// LimitMemory has it killed for want of memory once it holds more bytes; 0: never.
func (p *Port) LimitMemory(bytes int64) {
	p.mu.Lock()
	p.most = bytes
	killed := p.tooLarge()
	p.mu.Unlock()
	if killed {
		p.crash(outOfMemory)
	}
}

func (p *Port) tooLarge() bool { return p.most > 0 && p.held > p.most }

// outOfMemory is how it is ended then.
var outOfMemory = worker.Exit{Code: -1, Signal: syscall.SIGKILL, OOM: true}

// Memory implements worker.Weigher: it is what the worker was told to hold.
func (p *Port) Memory() (bytes int64, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held, !p.stopped
}

// Done implements worker.Port.
func (p *Port) Done() <-chan struct{} { return p.done }

// Exit implements worker.Port.
func (p *Port) Exit() worker.Exit { return p.exit }

// Kill implements worker.Port.
func (p *Port) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
	p.paused = false // a signal that kills does not wait
	p.stop()
	p.catchUp()
	if !p.busy { // one that is stubborn, too
		p.leave()
	}
	return nil
}

// Close implements worker.Port.
func (p *Port) Close(ctx context.Context) error {
	p.mu.Lock()
	if !p.postponed(p.stop) {
		p.stop()
	}
	p.mu.Unlock()
	select {
	case <-p.done:
	case <-ctx.Done():
		_ = p.Kill()
		<-p.done
	}
	return nil
}

// alone is a CPU that nobody else wants.
type alone struct {
	share float64 // 0: all

	mu    sync.Mutex
	timer *time.Timer
	since time.Time     // when it began to burn; zero if it does not
	spent time.Duration // on it, running or waiting
}

func (a *alone) part() float64 {
	if a.share > 0 {
		return a.share
	}
	return 1
}

func (a *alone) Burn(d time.Duration, had func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.since = time.Now()
	a.timer = time.AfterFunc(time.Duration(float64(d)/a.part()), func() {
		a.Stop()
		had()
	})
}

func (a *alone) Stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.since.IsZero() {
		return
	}
	a.timer.Stop()
	a.spent += time.Since(a.since)
	a.since = time.Time{}
}

func (a *alone) Used() (had, waited, throttled time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	spent := a.spent
	if !a.since.IsZero() {
		spent += time.Since(a.since)
	}
	had = time.Duration(a.part() * float64(spent))
	return had, spent - had, 0
}
