package reference

import (
	"cmp"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/worker/model"
)

// A client makes its calls, one after another.
type client struct {
	*run
	nth   int          // from 0; below 0: it is none of the workload's, and makes one
	extra faults.Extra // of such a one
	made  int          // calls
	dead  bool
	next  *timer // its next call
	call  *call  // that is under way
}

// name is what a client of the workload is called; "": it is none.
func (c *client) name() string {
	if c.nth < 0 {
		return ""
	}
	return c.names[c.nth]
}

// come is its arrival.
func (c *client) come() {
	if c.nth < 0 {
		k := &call{client: c, id: c.extra.Name, out: &scenario.Call{}}
		c.makes(k, 1, cmp.Or(c.extra.Waits, c.sc.GivesUp()))
		return
	}
	if after := c.sc.Workload.DieAfter; after > 0 {
		c.at(c.now+after, cut, c.die)
	}
	c.ask()
}

func (c *client) die() {
	if c.dead {
		return
	}
	c.dead = true
	switch call := c.call; {
	case call != nil:
		c.abandon(call, diedCalling, true)
	case c.next != nil:
		c.next.off()
		c.next = nil
		c.through()
	}
}

// ask makes the next call.
func (c *client) ask() {
	c.next = nil
	id := c.ids[c.nth][c.made]
	c.made++
	k := &c.run.made[len(c.calls)]
	c.calls = append(c.calls, scenario.Call{ID: id, Client: c.names[c.nth]})
	k.client, k.id, k.out = c, id, &c.calls[len(c.calls)-1]
	c.makes(k, c.made, c.sc.GivesUp())
}

// makes has a call come, which is what the nth of a client of the workload is.
func (c *client) makes(k *call, nth int, waits time.Duration) {
	k.step, k.asks = &c.steps[nth-1], c.asks[nth-1]
	k.asks.ID = k.id
	k.out.Arrived, k.out.Ended = c.now, -1
	c.call = k
	k.patience = c.at(c.now+waits, cut, func() { c.abandon(k, gaveUp, false) })
	k.arm(faults.Arrived)
	c.admit(k)
}

// answered has its call come back.
func (c *client) answered() {
	c.call = nil
	if c.nth < 0 {
		return
	}
	if c.dead || c.made == len(c.ids[c.nth]) {
		c.through()
		return
	}
	soonest := c.clock + c.there[c.ids[c.nth][c.made]]
	c.next = c.at(max(c.now+c.sc.Workload.Think, soonest), comes, c.ask)
}

func (c *client) through() { c.left-- }

// A call is one that is under way.
type call struct {
	*client
	id       string
	out      *scenario.Call // what became of it
	step     *scenario.Step
	asks     model.Call
	back     bool
	victim   bool // of a fault: nobody could have answered it
	worker   *worker
	patience *timer
}

// What calls that fail are told.
const (
	gaveUp      = "ideal pool: its caller gave up"
	diedCalling = "ideal pool: its caller died"
	workerDied  = "ideal pool: its worker died"
	queueFull   = "ideal pool: as many wait as may"
	waitedLong  = "ideal pool: it waited for as long as it may"
	notRead     = "ideal pool: what its worker was sent is no request"
	noCommand   = "ideal pool: its workers do not have this command"
)

// answer ends a call.
func (r *run) answer(k *call, err string, excused bool) {
	if k.back { // its caller waits no longer
		return
	}
	k.back = true
	k.patience.off()
	out := k.out
	out.Ended, out.Took = r.now, r.now-out.Arrived
	out.Err, out.Excused = err, excused
	if err != "" && (k.victim || r.victims[k.id]) && out.Took <= r.deadline() {
		out.Excused = true
	}
	out.Missed = !out.Excused && (err != "" || out.Took > r.deadline())
	k.answered()
}

// deadline of a call, from its arrival.
func (r *run) deadline() time.Duration {
	if r.sc.Deadline > 0 {
		return r.sc.Deadline
	}
	return r.sc.GivesUp()
}

// abandon ends a call whose caller no longer waits for it.
func (r *run) abandon(k *call, err string, excused bool) {
	switch w := k.worker; {
	case w == nil:
		r.leave(k)
	case !r.policy.Spare:
		r.drop(w)
	}
	r.answer(k, err, excused)
}
