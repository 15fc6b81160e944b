package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/butfor/butfor/harness/scenario"
)

// What stands in the cells of a chart.
const (
	starting = '░'
	idle     = '·'
	busy     = '█'
	waiting  = '─'
	overdue  = '!'
	answered = '✓'
	failed   = '✗'
)

// mostLanes is how many workers, and how many clients, a chart shows.
const mostLanes = 40

// A chart is a run's workload as rows of cells, each a worker or a client, or the pool
// itself. All its cells last equally long.
type chart struct {
	end     time.Duration // of the workload
	room    int           // columns for cells
	cells   int           // in a row
	cell    time.Duration // how long one is
	pool    []*lane       // one, if it was asked how it is
	workers []*lane
	clients []*lane
}

// A lane is one row.
type lane struct {
	name  string
	cells []rune
}

// draw makes the chart of a run, no wider than width.
func draw(r *scenario.Record, width int) *chart {
	events, after := acts(r.Events)
	c := &chart{}
	if len(after) > 0 {
		c.end = after[0].At
	} else if len(events) > 0 {
		c.end = events[len(events)-1].At
	}
	workers := r.Workers()[:launches(events)] // those after it are for the probes
	for _, w := range workers {
		c.workers = append(c.workers, &lane{name: clip(w.ID, width/3)})
	}
	if slices.ContainsFunc(events, asked) {
		c.pool = []*lane{{name: "pool"}}
	}
	calls := r.Calls()
	clients := map[string]*lane{}
	for _, call := range calls {
		if clients[call.Client] == nil {
			clients[call.Client] = &lane{name: clip(call.Client, width/3)}
			c.clients = append(c.clients, clients[call.Client])
		}
	}
	c.room = width - c.label()
	c.scale()

	for _, e := range events {
		if asked(e) {
			says := answered
			if e.Err != "" {
				says = failed
			}
			c.mark(c.pool[0], e.At, says)
		}
	}
	c.paintWorkers(workers, events)
	for _, call := range calls {
		c.paintCall(clients[call.Client], call, r.Deadline)
	}
	return c
}

// asked says whether the pool is asked how it is.
func asked(e scenario.Event) bool { return e.Kind == scenario.Health }

// clip is a name, cut if it is longer than so many columns.
func clip(name string, columns int) string {
	if runes := []rune(name); len(runes) > columns {
		return string(runes[:columns-1]) + "…"
	}
	return name
}

func launches(events []scenario.Event) (n int) {
	for _, e := range events {
		if e.Kind == scenario.Launch {
			n++
		}
	}
	return n
}

// label is how wide the names before the rows are, with the blank after them.
func (c *chart) label() (columns int) {
	for _, l := range slices.Concat(c.pool, c.workers, c.clients) {
		columns = max(columns, utf8.RuneCountInString(l.name)+1)
	}
	return columns
}

// scale finds the shortest cell with which the workload fits: 1, 2 or 5 times a
// power of ten.
func (c *chart) scale() {
	for power := time.Millisecond; ; power *= 10 {
		for _, n := range []time.Duration{1, 2, 5} {
			c.cell = n * power
			if c.cells = c.at(c.end) + 1; c.cells <= c.room { // one more, for the last mark
				for _, l := range slices.Concat(c.pool, c.workers, c.clients) {
					l.cells = []rune(strings.Repeat(" ", c.cells))
				}
				return
			}
		}
	}
}

// at is the cell that begins at a time, or next to it.
func (c *chart) at(t time.Duration) int { return int((t + c.cell/2) / c.cell) }

// paint fills a lane from one time to another, at least a cell, with a name in
// it if there is one and room for it.
func (c *chart) paint(l *lane, from, to time.Duration, with rune, name string) {
	first := min(c.at(from), c.cells-1)
	last := min(max(c.at(to), first+1), c.cells)
	for i := first; i < last; i++ {
		l.cells[i] = with
	}
	if n := utf8.RuneCountInString(name); n > 0 && n+2 <= last-first {
		copy(l.cells[first+1:], []rune(name))
	}
}

// mark sets one cell.
func (c *chart) mark(l *lane, at time.Duration, with rune) {
	l.cells[min(c.at(at), c.cells-1)] = with
}

// until is a time, or the end of the chart if there is none.
func (c *chart) until(t time.Duration) time.Duration {
	if t < 0 || t > c.end {
		return c.end
	}
	return t
}

// paintWorkers shows how the workers start, and what they have in their hands.
func (c *chart) paintWorkers(workers []scenario.Worker, events []scenario.Event) {
	for i, w := range workers {
		l := c.workers[i]
		if w.Ready >= 0 && w.Ready < c.end {
			c.paint(l, w.Launched, w.Ready, starting, "")
			c.paint(l, w.Ready, c.until(w.Exited), idle, "")
		} else {
			c.paint(l, w.Launched, c.until(w.Exited), starting, "")
		}
	}
	of := map[string]int{} // its lane, by the worker's id; of several the latest
	n := 0
	since := map[string]map[string]time.Duration{} // what each holds, since when
	drop := func(e scenario.Event, call string) {
		if from, ok := since[e.Worker][call]; ok {
			c.paint(c.workers[of[e.Worker]], from, e.At, busy, call)
			delete(since[e.Worker], call)
		}
	}
	for _, e := range events {
		switch e.Kind {
		case scenario.Launch:
			of[e.Worker], since[e.Worker] = n, map[string]time.Duration{}
			n++
		case scenario.Send:
			if since[e.Worker] != nil && e.Call != "" && e.Err == "" {
				since[e.Worker][e.Call] = e.At
			} else {
				delete(since[e.Worker], e.Call)
			}
		case scenario.Recv:
			drop(e, e.Call)
		case scenario.Exit:
			for _, call := range slices.Sorted(maps.Keys(since[e.Worker])) {
				drop(e, call)
			}
		}
	}
	for id, held := range since {
		for _, call := range slices.Sorted(maps.Keys(held)) {
			drop(scenario.Event{Worker: id, At: c.end}, call)
		}
	}
	for i, w := range workers {
		if w.Exited >= 0 && w.Exited < c.end {
			c.mark(c.workers[i], w.Exited, failed)
		}
	}
}

// paintCall shows what becomes of a call.
func (c *chart) paintCall(l *lane, call scenario.Call, deadline time.Duration) {
	end := c.until(call.Ended)
	if call.Worker == "" {
		c.paint(l, call.Arrived, end, waiting, "")
	} else {
		if c.at(call.Sent) > c.at(call.Arrived) {
			c.paint(l, call.Arrived, call.Sent, waiting, "")
		}
		c.paint(l, call.Sent, end, busy, call.Worker)
	}
	if call.Missed && c.at(call.Arrived+deadline) < c.at(end) {
		c.mark(l, call.Arrived+deadline, overdue)
	}
	switch {
	case call.Ended < 0:
	case call.Err != "" || call.Wrong || call.Lost:
		c.mark(l, end, failed)
	default:
		c.mark(l, end, answered)
	}
}

// axis names every tenth cell by its time.
func (c *chart) axis() string {
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", c.label()))
	for i := 0; i < c.cells; i += 10 {
		name := "|" + span(time.Duration(i)*c.cell)
		if i+len(name) <= c.room {
			fmt.Fprintf(&b, "%-10s", name)
		}
	}
	return b.String()
}

// rows are the chart as lines of text.
func (c *chart) rows() []string {
	rows := []string{c.axis()}
	for _, lanes := range [][]*lane{c.pool, c.workers, c.clients} {
		slices.SortStableFunc(lanes, byName)
		for _, l := range lanes[:min(len(lanes), mostLanes)] {
			rows = append(rows, fmt.Sprintf("%-*s%s", c.label(), l.name, string(l.cells)))
		}
		if n := len(lanes) - mostLanes; n > 0 {
			more := fmt.Sprintf("and %d more, %s to %s", n, lanes[mostLanes].name, lanes[len(lanes)-1].name)
			rows = append(rows, clip(more, c.label()+c.room))
		}
	}
	return rows
}

// byName has w2 before w10.
func byName(a, b *lane) int {
	return cmp.Or(cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
}

// legend says what the cells mean.
func (c *chart) legend() string {
	legend := fmt.Sprintf("One column is %s. Workers: %c starting, %c idle, %c busy, %c gone. Clients: %c waiting, %c in a worker's hands, %c deadline missed, %c answered, %c not answered.",
		span(c.cell), starting, idle, busy, failed, waiting, busy, overdue, answered, failed)
	if c.pool != nil {
		legend += fmt.Sprintf(" Pool, asked how it is: %c says well, %c does not.", answered, failed)
	}
	return legend
}
