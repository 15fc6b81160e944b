package pool

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/butfor/butfor/internal/point"
	"github.com/butfor/butfor/worker"
)

// plan decides, under the lock, which starts to begin now; the caller begins
// them once it has let go of it. It is called after every change that could
// call for a start: somebody waits, a slot is free, a start has ended.
func (p *Pool) plan() []*slot { return p.planFor(0) }

func (p *Pool) planFor(extra int) (begin []*slot) {
	if p.closed || p.storm.resting() {
		return nil
	}
	for {
		// A start for each caller in line, whoever will get its worker in the
		// end, and for each worker missing from those to keep.
		line := p.n[starting] < p.line.Len()-p.tied+len(p.aged)+extra
		keep := p.ready()+p.n[starting] < p.target && len(p.slots) < p.cfg.Size
		if p.full() || !line && !keep {
			return begin
		}
		if p.n[starting] >= p.pace.width(p) {
			p.pace.arm(p)
			return begin
		}
		p.named++
		s := &slot{begun: time.Now(), nth: p.named, id: "w" + strconv.Itoa(p.named), noted: make(chan struct{})}
		if p.cfg.Name != "" {
			s.id = p.cfg.Name + "-" + s.id
		}
		p.slots[s] = struct{}{}
		p.n[starting]++
		p.stat.Starts++
		p.work.Add(1)
		begin = append(begin, s)
	}
}

// begin runs planned starts, each on its own, and watches the workers that come of
// them. They outlive whoever caused them.
func (p *Pool) begin(starts []*slot) {
	for _, s := range starts {
		go func() {
			defer p.work.Done()
			if p.start(s) {
				p.watch(s)
			}
		}()
	}
}

// start says whether there is a worker now.
func (p *Pool) start(s *slot) bool {
	who := point.Named("start", s.id)
	p.points.At(who, "start")
	ctx, cancel := context.WithTimeout(p.life, p.cfg.StartTimeout)
	defer cancel()
	w, err := worker.Start(ctx, launch(func(ctx context.Context, id string) (worker.Port, error) {
		port, err := p.launcher.Launch(ctx, id)
		if err == nil {
			asked, had := wanted(port) // by whoever has launched it, in the same process
			p.points.At(who, "launched")
			p.mu.Lock()
			s.port = port
			s.launch, s.wanted, s.had = time.Since(s.begun), asked, had
			p.pace.seen.launched++
			p.mu.Unlock()
		}
		return port, err
	}), s.id)

	var asked, had time.Duration
	if err == nil {
		asked, had = wanted(w.Port)
	}
	p.points.At(who, "started")
	p.mu.Lock()
	if asked > s.wanted {
		p.pace.ended += asked - s.wanted
		p.pace.endedHad += had - s.had
	}
	if s.port != nil {
		p.pace.seen.adds(s, p.pace.last, max(0, asked-s.wanted))
	}
	switch {
	case err != nil:
		p.free(s)
		if !p.closed {
			p.stat.StartsFailed++
			p.storm.failed(p, s, err)
		}
	case p.closed:
		s.w = w
		p.move(s, ending)
		p.retire(s, true)
	default:
		s.w = w
		p.stat.StartTime += w.StartedIn
		s.born = time.Now()
		p.give(s)
		p.tell(nil)
		p.relieve()
	}
	starts := p.plan()
	closed := p.closed
	p.mu.Unlock()
	p.begin(starts)
	switch {
	case err == nil:
		p.cfg.Logger.Debug("worker ready", "worker", s.id, "after", w.StartedIn)
	case !closed:
		p.cfg.Logger.Warn("worker did not start", "worker", s.id, "error", err)
	}
	return err == nil
}

// launch is a function as a launcher.
type launch func(context.Context, string) (worker.Port, error)

func (l launch) Launch(ctx context.Context, id string) (worker.Port, error) { return l(ctx, id) }

// pace decides how many starts may run at once. Two at a time is poor for
// starts that wait, all at once is poor for those that compute: so it begins
// with the cores and doubles while those are not asked for. Where they are, but
// others or a quota keep nearly all of them from the starts, it doubles as well, but
// slowly, as the machine is busy, and goes on for as long as more starts get more.
type pace struct {
	wide            int // 0: nothing under way
	timer           *time.Timer
	last            time.Time     // the last look
	ended, endedHad time.Duration // what starts that have ended since had asked for after it, and what they had
	slow            slow
	seen            seen
}

// seen is what is known of starts since there was none under way.
type seen struct {
	since    time.Time
	launched int
	life     time.Duration // of them, from their launch on
	asked    time.Duration // CPU that they asked for in that time
}

// compute says whether they do, or nothing can be known yet. Who is ready as soon as it is
// launched does not.
func (s *seen) compute() bool {
	if s.launched == 0 {
		return time.Since(s.since) < launchBlind
	}
	return s.life >= seenLeast && s.asked >= s.life/2
}

// adds takes in what one has asked for since a moment, or since its launch.
func (s *seen) adds(begun *slot, since time.Time, asked time.Duration) {
	s.life += min(time.Since(since), time.Since(begun.begun.Add(begun.launch)))
	s.asked += asked
}

// slow is what is known of starts that ask for the cores, over a few looks.
type slow struct {
	looks     int
	had, over time.Duration // CPU that they had in that time
	before    float64       // cores that they had before there were more of them; 0: there were not
}

const (
	// paceEvery is no round figure: in virtual time a look would fall on the very
	// instant of a caller's timeout that is set with it, in an order that is nobody's.
	paceEvery = 50*time.Millisecond + 7*time.Nanosecond
	// paceIdle is the share of the cores below which they count as unused.
	// Two starts that compute on two quiet cores use all but what the rest of
	// the machine takes.
	paceIdle = 0.75
	// paceStarved is the share of the cores below which starts that ask for more
	// hardly get any, in slowLooks, and paceMore is how much more twice as many must
	// have had for that to have been of use.
	paceStarved = 0.3
	paceMore    = 1.5
	slowLooks   = 5
	// launchMost is how long a launch may be taken for one that waits for a
	// CPU, as a fork does on a busy machine. One that takes longer waits for
	// something else.
	launchMost = 200 * time.Millisecond
	// launchBlind is that where starts are known to compute once they are launched, and how
	// long that is waited for. A container engine's launch takes some 0.3 s: were many begun
	// before it is seen what they ask for, they would be late together.
	launchBlind = time.Second
	seenLeast   = 20 * time.Millisecond // of life says something
)

// width is called under the lock.
func (c *pace) width(p *Pool) int {
	if n := p.cfg.StartConcurrency; n > 0 {
		return n
	}
	if c.wide == 0 || p.n[starting] == 0 {
		c.wide, c.slow, c.seen = max(1, int(math.Ceil(p.cfg.Cores))), slow{}, seen{since: time.Now()}
	}
	return c.wide
}

// arm is called under the lock when a start has to wait for others.
func (c *pace) arm(p *Pool) {
	if p.cfg.StartConcurrency > 0 || c.timer != nil {
		return
	}
	c.last, c.ended, c.endedHad = time.Now(), 0, 0
	p.work.Add(1)
	c.timer = time.AfterFunc(paceEvery, func() {
		defer p.work.Done()
		p.widen()
	})
}

// widen looks what the starts under way have asked for since the last look.
func (p *Pool) widen() {
	type look struct {
		s           *slot
		port        worker.Port
		wanted, had time.Duration
		runs        bool
	}
	who := point.Named("pace", p.cfg.Name)
	p.points.At(who, "look")
	p.mu.Lock()
	looks := make([]look, 0, p.n[starting])
	for s := range p.slots {
		if s.state == starting && s.port != nil {
			looks = append(looks, look{s: s, port: s.port})
		}
	}
	p.mu.Unlock()
	for i := range looks {
		looks[i].wanted, looks[i].had = wanted(looks[i].port) // system calls: not under the lock
		looks[i].runs = worker.Runnable(looks[i].port)
	}
	p.points.At(who, "widen")
	p.mu.Lock()
	span := time.Since(p.pace.last)
	sum, had := p.pace.ended, p.pace.endedHad
	most := launchMost
	if p.pace.seen.compute() {
		most = launchBlind
	}
	tried := false     // one that begins at this very moment says nothing yet
	launching := false // one that is launched all the while can't have had anything
	for s := range p.slots {
		if s.state != starting {
			continue
		}
		under := time.Since(s.begun)
		tried = tried || under > 0
		if s.port == nil {
			launching = launching || under >= span && under < launchBlind
			if under < most {
				sum += min(span, under) // a fork asks for a CPU too
			}
		}
	}
	for _, l := range looks {
		if l.s.state != starting {
			continue // it has ended meanwhile, and is in the sum
		}
		asked := l.wanted - l.s.wanted
		launched := l.s.begun.Add(l.s.launch)
		if l.runs { // it may be waiting, which is counted only once it is over
			asked = max(asked, min(span, time.Since(launched)))
		}
		p.pace.seen.adds(l.s, p.pace.last, asked)
		if l.s.launch < launchBlind { // it may have been in the midst of it at the last look
			asked += max(0, min(l.s.launch, launched.Sub(p.pace.last)))
		}
		sum += asked
		had += l.had - l.s.had
		l.s.wanted, l.s.had = l.wanted, l.had
	}
	p.pace.timer = nil
	starved := !launching && p.pace.slow.starved(had, span, p.cfg.Cores)
	if tried && (starved || float64(sum) < paceIdle*p.cfg.Cores*float64(span)) {
		p.pace.wide *= 2
	}
	starts := p.plan() // arms again if starts still have to wait
	p.mu.Unlock()
	p.begin(starts)
}

// starved takes in a look, and says whether more starts would get more of the cores.
func (s *slow) starved(had, span time.Duration, cores float64) bool {
	s.looks++
	s.had, s.over = s.had+had, s.over+span
	if s.looks < slowLooks {
		return false
	}
	got, least := float64(s.had)/float64(s.over), paceStarved
	if s.before > 0 && got >= paceMore*s.before {
		least = paceIdle
	}
	*s = slow{}
	if got >= least*cores {
		return false
	}
	s.before = got
	return true
}

// wanted is the CPU that a worker has asked for since its launch, and what it had
// of that. It waited for the rest: were that not counted, outside load would make
// us begin all starts at once.
func wanted(port worker.Port) (asked, had time.Duration) {
	info := port.Info()
	return info.CPU + info.RunDelay, info.CPU
}

// storm is what is known of starts that fail one after another. They are begun
// again more and more slowly, and once there have been stormAfter of them and
// no worker lives, callers are told the reason instead of being left waiting.
//
// A worker that dies before it has answered anything did not start either.
//
// A rest is counted from where the start was begun: one that has taken its time to
// fail has hurt nobody.
type storm struct {
	failures int   // one after another: of starts that were under way together, one counts
	reason   error // of the last
	named    int   // workers named when it was counted
	until    time.Time
	timer    *time.Timer
}

const (
	stormAfter = 5
	restFirst  = 50 * time.Millisecond
	restMost   = 5 * time.Second
)

// failed is called under the lock.
func (m *storm) failed(p *Pool, s *slot, err error) {
	m.reason = err
	if m.failures > 0 && s.nth <= m.named {
		m.tell(p)
		return
	}
	m.failures++
	m.named = p.named
	rest := min(restMost, restFirst<<min(m.failures-1, 10))
	hopeless := rest == restMost
	rest += time.Duration(p.cfg.lot(p.named) * float64(rest) / 2)
	if s.w == nil {
		rest -= time.Since(s.begun)
	}
	m.stop(p)
	if rest <= 0 {
		m.until = time.Time{}
		if hopeless {
			m.tell(p)
		}
		return
	}
	m.until = time.Now().Add(rest)
	p.work.Add(1)
	m.timer = time.AfterFunc(rest, func() {
		defer p.work.Done()
		p.points.At(point.Named("storm", p.cfg.Name), "rested")
		p.mu.Lock()
		if time.Now().Before(m.until) { // a later failure has set it anew
			p.mu.Unlock()
			return
		}
		m.until = time.Time{}
		starts := p.plan()
		p.mu.Unlock()
		p.begin(starts)
	})
	m.tell(p)
}

// tell sends those home who wait for what will not come.
func (m *storm) tell(p *Pool) {
	if m.failures < stormAfter || p.n[starting] > 0 {
		return
	}
	p.tell(ErrUnavailable) // however many live, those that are awaited do not
	if p.ready() == 0 {
		p.refuseLine(ErrUnavailable)
	}
}

// over is called under the lock, once a worker has proved to be good.
func (m *storm) over(p *Pool) {
	if m.failures > 0 {
		m.stop(p)
		*m = storm{}
	}
}

func (m *storm) stop(p *Pool) {
	if m.timer != nil && m.timer.Stop() {
		p.work.Done()
	}
}

// resting says whether starts have to wait after one that failed.
func (m *storm) resting() bool { return !m.until.IsZero() }

func (m *storm) refusal(p *Pool) error {
	if m.failures >= stormAfter && m.resting() && p.ready() == 0 && p.n[starting] == 0 {
		return ErrUnavailable
	}
	return nil
}
