//go:build linux

package outside

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// eyes are how a ledger sees a machine.
type eyes interface {
	now() time.Duration // of the recording
	processes(into []int) ([]int, error)
	newest() (pid int, ok bool)
	kthreads() []int
	clock(pid int) (time.Duration, bool) // false: there is no such process
	threads(pid int, f func(tid int, on, delay time.Duration))
	group(pid int, now time.Duration) (family, bool) // false: it is gone
	anew()                                           // what is known of groups is asked again
	manner(tid int) manner
	parent(pid int) (parent int, marked bool)
	offspring() []int
	reaped() time.Duration
	machine() (machine, bool)
	limits() []scenario.Gap
	gone(pid int) // its threads will not be asked for again soon
}

// keep is how long what is known of how somebody competes is taken to hold.
const keep = time.Second

// A ledger turns looks at a machine into buckets.
type ledger struct {
	eyes    eyes
	self    int
	procs   map[int]*process
	looks   int           // so far
	at      time.Duration // of the last
	last    machine
	cpus    int
	reaped  time.Duration // at the last look
	owed    time.Duration // CPU of ours that was seen, but is not among the reaped yet
	pids    []int         // that are known, and those that may be new
	newest  int           // at the last look
	ran     []ran         // scratch
	next    []load        // of the bucket that has just begun
	buckets []bucket

	rivals  []scenario.Rival
	rivalOf map[competitor]int
	workers []scenario.Place
	placeOf map[competitor]int
	here    map[int]*scenario.Place // at this look: how many of the run's own are in a place

	gaps    map[scenario.Gap]bool
	late    int           // buckets that are too long
	longest time.Duration // of them
}

// A process is what is known of one.
type process struct {
	look    int           // that it was last seen at
	read    int           // that its threads were last read at; 0: long ago
	clock   time.Duration // CPU of all its threads, dead ones too
	threads map[int]*thread
	kthread bool          // it is the kernel's
	from    int           // the first bucket that a kernel's thread is still to be booked for
	met     bool          // it is known whose it is
	own     bool          // the run's
	ours    bool          // its CPU will be among the reaped
	asked   time.Duration // when it was last asked where it is scheduled; -1: never
	groups  []scenario.Group
	name    string      // of all its groups, as they are now
	stands  map[int]int // of one of the run's own: how many threads compete in each place
}

// A thread is what is known of one.
type thread struct {
	on, delay time.Duration
	look      int           // that it was last read at
	at        time.Duration // when that was
	holes     []hole        // the last few buckets that it did not fill, the latest last
	asked     time.Duration
	rival     int
}

// A hole is the part of a bucket in which a thread neither ran nor waited, as far
// as is known.
type hole struct {
	bucket int
	size   time.Duration
	whole  bool          // it did neither at all
	busy   bool          // the hole is too small to be certain
	on     time.Duration // what it had in the rest of the bucket
}

// awake is the part of the time that a busy thread runs or waits at least: so much
// what is booked may be off.
const awake = 0.9

// holesMost are the holes that are remembered of a thread.
const holesMost = 4

func (t *thread) dig(h hole) {
	if h.size <= 0 {
		return
	}
	if len(t.holes) == holesMost {
		t.holes = append(t.holes[:0], t.holes[1:]...)
	}
	t.holes = append(t.holes, h)
}

// ran is what a thread has done since it was last read.
type ran struct {
	tid       int
	t         *thread
	on, delay time.Duration
	bucket    int // that ended when it was last read
	since, at time.Duration
}

// A competitor is a group, and a manner of competing inside it.
type competitor struct {
	groups string
	manner manner
	self   bool
}

// A bucket is a scenario.Bucket in the making, as sums of time.
type bucket struct {
	at, span            time.Duration
	own, stolen, unseen time.Duration
	loads               []load
}

type load struct {
	rival, threads, busy   int
	runnable, cpu, busyCPU time.Duration
}

func newLedger(e eyes) *ledger {
	return &ledger{eyes: e, self: os.Getpid(), procs: map[int]*process{}, rivalOf: map[competitor]int{}, placeOf: map[competitor]int{},
		here: map[int]*scenario.Place{}, gaps: map[scenario.Gap]bool{}}
}

// bucketsMost bounds a recording: three and a half hours.
const bucketsMost = 1 << 16

// look takes a look, at that time. told are processes of the run's own that
// have been started since the last one. The first look ends no bucket.
func (l *ledger) look(now time.Duration, told []int) {
	if len(l.buckets) == bucketsMost {
		l.gap(scenario.GapLate, fmt.Sprintf("the recording ended after %v", l.at))
		return
	}
	if l.looks == 0 {
		l.first()
		return
	}
	l.looks++
	b := bucket{at: l.at, span: now - l.at}
	l.at = now
	if b.span > 2*Period {
		l.late++
		l.longest = max(l.longest, b.span)
	}
	l.buckets = append(l.buckets, b)
	for _, o := range l.next {
		e := l.load(len(l.buckets)-1, o.rival)
		e.runnable += o.runnable
		e.cpu += o.cpu
	}
	l.next = l.next[:0]

	m, known := l.eyes.machine()
	reaped := l.eyes.reaped() // before the list: who is reaped later is still in it
	seen := l.everybody(told)
	seen += l.dead(reaped, time.Duration(l.cpus)*b.span-seen)
	l.tally()
	if known {
		b := &l.buckets[len(l.buckets)-1]
		b.stolen = max(0, m.stolen-l.last.stolen)
		b.unseen = m.busy - l.last.busy - seen
		l.last = m
	}
}

// first learns what has been until now.
func (l *ledger) first() {
	l.looks = 1
	l.last, _ = l.eyes.machine()
	l.cpus = max(1, l.last.cpus)
	l.reaped = l.eyes.reaped()
	l.newest, _ = l.eyes.newest()
	l.list()
	kthread := map[int]bool{}
	for _, pid := range l.eyes.kthreads() {
		kthread[pid], kthread[kthreadd] = true, true
	}
	for _, pid := range l.pids {
		c, ok := l.eyes.clock(pid)
		if !ok {
			continue
		}
		p := newProcess()
		p.look, p.clock, p.kthread = l.looks, c, kthread[pid]
		l.procs[pid] = p
		if c > 0 && !p.kthread {
			l.read(pid, p, 0)
			l.eyes.gone(pid)
			p.read = 0
		}
	}
	for _, pid := range l.eyes.offspring() {
		if p := l.procs[pid]; p != nil {
			p.ours = true
		}
	}
}

func newProcess() *process { return &process{threads: map[int]*thread{}, asked: -1} }

// list finds out which processes there may be. Listing them all takes longer
// than to look at the numbers that were given away since the last look; that is
// done from time to time, as a number may also be had by asking for it.
func (l *ledger) list() {
	was := l.newest
	newest, ok := l.eyes.newest()
	l.newest = newest
	if ok && l.looks%seldom != 1 && newest >= was && newest-was < len(l.pids)+newMost {
		for pid := was + 1; pid <= newest; pid++ {
			l.pids = append(l.pids, pid)
		}
		return
	}
	var err error
	if l.pids, err = l.eyes.processes(l.pids[:0]); err != nil {
		l.gap(scenario.GapNamespace, fmt.Sprintf("the list of processes: %v", err))
	}
}

func (l *ledger) gap(kind, text string) { l.gaps[scenario.Gap{Kind: kind, Text: text}] = true }

// seldom is every how many looks the kernel's threads are looked at: they are
// many, and hardly ever want much. newMost are the numbers given away between
// looks, above one for each process there is, that it is cheaper to try than to
// list all.
const (
	seldom  = int(keep / Period)
	newMost = 100
)

// everybody looks at each process, and has the CPU that those used of whom it
// is known who they are.
func (l *ledger) everybody(told []int) (seen time.Duration) {
	l.list()
	own := map[int]bool{}
	for _, pid := range told {
		own[pid] = true
	}
	known := l.pids[:0]
	for _, pid := range l.pids {
		p := l.procs[pid]
		if p != nil && p.look == l.looks {
			continue // it is named twice
		}
		if p != nil && p.kthread && (l.looks+pid)%seldom != 0 {
			p.look = l.looks
			known = append(known, pid)
			continue
		}
		c, ok := l.eyes.clock(pid)
		if !ok {
			continue // there is none, or it has gone
		}
		known = append(known, pid)
		if p == nil || c < p.clock { // it is new, or another one that was given the number
			if p != nil {
				l.eyes.gone(pid)
			}
			p = newProcess()
			p.from = len(l.buckets) - 1
			l.procs[pid] = p
		}
		p.look = l.looks
		if own[pid] { // whoever has launched it is through: before, it had not all its limits yet
			p.own, p.asked = true, -1
			l.eyes.anew()
		}
		used := c - p.clock
		if used < little { // until it is more
			p.from = len(l.buckets)
			continue
		}
		p.clock = c
		if !l.meet(pid, p) {
			continue
		}
		seen += used
		if p.kthread {
			l.bookKernel(pid, p, used)
		} else {
			l.book(pid, p, used)
		}
	}
	l.pids = known
	return seen
}

// little is so little CPU that it is not worth while to look who had it. It is
// booked once it is more.
const little = 100 * time.Microsecond

// meet finds out, from time to time, who a process is and where it is
// scheduled. It is false if it is gone: what it used is then unseen.
func (l *ledger) meet(pid int, p *process) bool {
	if p.asked >= 0 && l.at-p.asked < keep {
		return true
	}
	f, ok := l.eyes.group(pid, l.at)
	if !ok {
		return p.asked >= 0 // as it was
	}
	if f.hidden != "" {
		l.gap(scenario.GapGroup, f.hidden)
	}
	p.asked, p.groups, p.name = l.at, f.groups, fmt.Sprint(f.groups)
	if !p.met {
		parent, marked := l.eyes.parent(pid)
		p.met = true
		p.kthread = p.kthread || parent == kthreadd && l.procs[kthreadd] != nil && l.procs[kthreadd].kthread
		p.own = p.own || marked
		up := l.procs[parent]
		p.ours = p.ours || p.own || parent == l.self || up != nil && up.ours
	}
	for _, t := range p.threads {
		t.asked = -1
	}
	return true
}

// read finds out what each thread of a process did since the process was last
// read, in l.ran, and how much CPU that was.
func (l *ledger) read(pid int, p *process, span time.Duration) (total time.Duration) {
	l.ran = l.ran[:0]
	p.read = l.looks
	alive := 0
	l.eyes.threads(pid, func(tid int, on, delay time.Duration) {
		alive++
		t := p.threads[tid]
		if t == nil || on < t.on || delay < t.delay { // it is new, or another one
			t = &thread{look: l.looks, at: l.at - span, asked: -1}
			p.threads[tid] = t
		}
		at := l.eyes.now()
		r := ran{tid: tid, t: t, on: on - t.on, delay: delay - t.delay, bucket: t.look - 2, since: t.at, at: at}
		t.on, t.delay, t.look, t.at = on, delay, l.looks, at
		if r.on+r.delay > 0 {
			l.ran = append(l.ran, r)
			total += r.on
		} else {
			if in := len(l.buckets) - 1; in >= 0 {
				t.dig(l.whole(in))
			}
		}
	})
	if alive < len(p.threads) {
		for tid, t := range p.threads {
			if t.look != l.looks {
				delete(p.threads, tid)
			}
		}
	}
	return total
}

// lag is how much less a thread's own account may say than its process's clock:
// it is brought up to date at each tick of the scheduler.
const lag = 10 * time.Millisecond

// book enters what a process used, and what its threads wanted.
func (l *ledger) book(pid int, p *process, used time.Duration) {
	b := &l.buckets[len(l.buckets)-1]
	if p.own {
		b.own += used
		if p.asked == l.at || len(p.stands) == 0 {
			l.read(pid, p, b.span)
			l.stand(pid, p)
		}
		l.crowd(p)
		return
	}
	total := l.read(pid, p, b.span)
	dead := used - total // of threads that ended before they were read
	if dead <= lag*time.Duration(max(1, min(len(l.ran), l.cpus))) {
		dead = 0
		if total == 0 { // not brought up to date yet
			total = used
			l.credit(pid, p, used)
		}
	}
	for _, r := range l.ran {
		on := r.on
		if dead == 0 { // the process's clock is exact
			on = time.Duration(float64(on) * float64(used) / float64(total))
		}
		l.enter(l.rival(pid, p, r), r, on)
	}
	if dead > 0 {
		e := l.load(len(l.buckets)-1, l.rivalAs(p, l.eyes.manner(pid), pid == l.self))
		e.cpu += dead
		e.runnable += dead
		e.threads += int((dead + b.span - 1) / b.span)
	}
}

// bookKernel enters what a thread of the kernel's had and wanted since it was
// last looked at: evenly, as nothing more is known.
func (l *ledger) bookKernel(pid int, p *process, used time.Duration) {
	known := len(p.threads) > 0
	l.read(pid, p, 0)
	want := used
	rival := l.rivalAs(p, l.eyes.manner(pid), false)
	if known && len(l.ran) == 1 {
		want += l.ran[0].delay
	}
	in := len(l.buckets) - 1
	whole := l.buckets[in].at + l.buckets[in].span - l.buckets[p.from].at
	want = max(min(want, whole), used)
	for i := p.from; i <= in; i++ {
		part := float64(l.buckets[i].span) / float64(whole)
		e := l.load(i, rival)
		had := time.Duration(float64(used) * part)
		e.threads++
		e.cpu += had
		e.runnable += time.Duration(float64(want) * part)
		if float64(want) >= awake*float64(whole) {
			e.busy++
			e.busyCPU += had
		}
	}
	p.from = in + 1
}

// credit gives what a process used to one of its threads, where none says that
// it ran.
func (l *ledger) credit(pid int, p *process, used time.Duration) {
	if len(l.ran) == 0 {
		t := p.threads[pid]
		if t == nil { // the first thread has ended, or can't be read
			t = &thread{look: l.looks, asked: -1}
		}
		l.ran = append(l.ran, ran{tid: pid, t: t, bucket: len(l.buckets) - 1, since: l.buckets[len(l.buckets)-1].at, at: l.eyes.now()})
	}
	l.ran[0].on = used
}

// rival is the one that a thread is of.
func (l *ledger) rival(pid int, p *process, r ran) int {
	if t := r.t; t.asked < 0 {
		t.asked = l.at
		t.rival = l.rivalAs(p, l.eyes.manner(r.tid), pid == l.self)
	}
	return r.t.rival
}

func (l *ledger) rivalAs(p *process, m manner, self bool) int {
	key := competitor{p.name, m, self}
	n, ok := l.rivalOf[key]
	if !ok {
		n = len(l.rivals)
		l.rivalOf[key] = n
		l.rivals = append(l.rivals, scenario.Rival{Place: m.place(p.groups), Harness: self})
	}
	return n
}

// load is a rival's in a bucket.
func (l *ledger) load(in, rival int) *load {
	b := &l.buckets[in]
	for i := range b.loads {
		if b.loads[i].rival == rival {
			return &b.loads[i]
		}
	}
	b.loads = append(b.loads, load{rival: rival})
	return &b.loads[len(b.loads)-1]
}

// enter books what one thread had and wanted. It can't have wanted more than
// all of the time since it was last read: a delay is booked when the thread gets
// the CPU, so what is too much was before, without a break. on is what its
// process's clock says that it had.
func (l *ledger) enter(rival int, r ran, on time.Duration) {
	want := r.on + r.delay
	if want == 0 {
		return
	}
	in := len(l.buckets) - 1
	b := &l.buckets[in]
	from := max(r.since, b.at)
	most := max(r.at-from, 1)
	n := min(want, most)
	rest := want - n
	n = max(n, on)
	busy := float64(n) >= awake*float64(most)

	// It was read a little after the look began, or a good deal if the recorder
	// was kept from going on: that part belongs to the next bucket.
	part := min(1, float64(b.at+b.span-from)/float64(most))
	e := l.load(in, rival)
	e.threads++
	e.runnable += time.Duration(float64(n) * part)
	had := time.Duration(float64(on) * part)
	e.cpu += had
	if busy {
		e.busy++
		e.busyCPU += had
	}
	if part < 1 {
		l.next = append(l.next, load{rival: rival, runnable: time.Duration(float64(n) * (1 - part)), cpu: time.Duration(float64(on) * (1 - part))})
	}

	for i := in - 1; i > max(-1, r.bucket) && rest > 0; i-- { // it was not read then: it did not run
		h := l.whole(i)
		rest -= l.fill(rival, &h, rest)
	}
	for i := len(r.t.holes) - 1; i >= 0 && rest > 0; i-- {
		rest -= l.fill(rival, &r.t.holes[i], rest)
	}
	r.t.dig(hole{bucket: in, size: most - n, busy: busy, on: had})
}

// whole is a bucket in which a thread did nothing.
func (l *ledger) whole(bucket int) hole {
	return hole{bucket: bucket, size: l.buckets[bucket].span, whole: true}
}

// fill books so much more of a thread's delay, as far as it finds room.
func (l *ledger) fill(rival int, h *hole, rest time.Duration) time.Duration {
	part := min(rest, h.size)
	if part <= 0 {
		return 0
	}
	h.size -= part
	e := l.load(h.bucket, rival)
	e.runnable += part
	if h.whole {
		e.threads++
		h.whole = false
	}
	if !h.busy && float64(h.size) <= (1-awake)*float64(l.buckets[h.bucket].span) {
		e.busy++
		e.busyCPU += h.on
		h.busy = true
	}
	return part
}

// stand finds out where one of the run's own is, and how many of its threads
// compete.
func (l *ledger) stand(pid int, p *process) {
	l.where(p, l.eyes.manner(pid))
	clear(p.stands)
	for _, r := range l.ran {
		if r.on < (r.at-r.since)/notable {
			continue
		}
		if p.stands == nil {
			p.stands = map[int]int{}
		}
		p.stands[l.where(p, l.eyes.manner(r.tid))]++
	}
}

// where is a place of the run's own, in workers.
func (l *ledger) where(p *process, m manner) int {
	key := competitor{groups: p.name, manner: m}
	n, ok := l.placeOf[key]
	if !ok {
		n = len(l.workers)
		l.placeOf[key] = n
		l.workers = append(l.workers, m.place(p.groups))
	}
	return n
}

// crowd counts one of the run's own, that runs, where it is.
func (l *ledger) crowd(p *process) {
	for n, threads := range p.stands {
		at := l.here[n]
		if at == nil {
			at = &scenario.Place{}
			l.here[n] = at
		}
		at.Processes++
		at.Threads += threads
	}
}

// notable is the part of its time that a thread of the run's own has to have run
// to count as one that competes.
const notable = 10

// tally takes the most of the run's own that were anywhere at once.
func (l *ledger) tally() {
	for n, at := range l.here {
		w := &l.workers[n]
		w.Processes = max(w.Processes, at.Processes)
		w.Threads = max(w.Threads, at.Threads)
	}
	clear(l.here)
}

// dead enters what this program's children used that are gone and that nobody
// saw, at most so much, and forgets whoever is gone.
func (l *ledger) dead(reaped, most time.Duration) (unseen time.Duration) {
	for pid, p := range l.procs {
		if p.look == l.looks {
			if p.read > 0 && l.looks-p.read > int(keep/Period) {
				l.eyes.gone(pid)
				p.read = 0
			}
			continue
		}
		if p.ours {
			l.owed += p.clock
		}
		delete(l.procs, pid)
		l.eyes.gone(pid)
	}
	l.owed -= reaped - l.reaped
	l.reaped = reaped
	if l.owed < 0 {
		unseen = min(-l.owed, max(0, most))
		l.owed = 0
	}
	l.buckets[len(l.buckets)-1].own += unseen
	return unseen
}

// environment is all that was recorded.
func (l *ledger) environment() scenario.Environment {
	e := scenario.Environment{Cores: float64(l.cpus), Workers: slices.Clone(l.workers), Rivals: slices.Clone(l.rivals), Gaps: slices.Clone(l.eyes.limits())}
	for _, b := range l.buckets {
		cores := func(d time.Duration) float64 { return figure(float64(d) / float64(b.span)) }
		out := scenario.Bucket{At: b.at, Span: b.span, Own: cores(b.own), Stolen: cores(b.stolen), Unseen: cores(b.unseen)}
		for _, o := range b.loads {
			out.Load = append(out.Load, scenario.Load{Rival: o.rival, Threads: max(1, o.threads), Runnable: cores(o.runnable), CPU: cores(o.cpu),
				Busy: o.busy, BusyCPU: cores(o.busyCPU)})
		}
		slices.SortFunc(out.Load, func(a, b scenario.Load) int { return a.Rival - b.Rival })
		e.Load = append(e.Load, out)
	}
	where := e.Workers
	if len(where) == 0 { // none ran: where they would have
		for _, r := range e.Rivals {
			if r.Harness {
				where = append(where, r.Place)
			}
		}
	}
	for _, p := range where {
		for _, g := range p.Path {
			if q := g.Quota; q.Cores > 0 && (e.Quota.Cores == 0 || q.Cores < e.Quota.Cores) {
				e.Quota = q
			}
		}
	}
	var gaps []scenario.Gap
	for g := range l.gaps {
		gaps = append(gaps, g)
	}
	if l.late > 0 {
		gaps = append(gaps, scenario.Gap{Kind: scenario.GapLate, Text: fmt.Sprintf("%d buckets of %d are longer than %v, the longest %v", l.late, len(l.buckets), 2*Period, l.longest.Round(time.Millisecond))})
	}
	slices.SortFunc(gaps, func(a, b scenario.Gap) int {
		if a.Kind != b.Kind {
			return cmp.Compare(a.Kind, b.Kind)
		}
		return cmp.Compare(a.Text, b.Text)
	})
	e.Gaps = append(e.Gaps, gaps...)
	return e
}

// figure is a number without the digits that say nothing: a recording is
// written down, and there are thousands.
func figure(v float64) float64 { return math.Round(v*1e6) / 1e6 }
