package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/butfor/butfor/harness/scenario"
)

// Timeline prints a run for a person who does not know the code: first what
// happened, in the order of time, then a chart with a row for each worker and
// each client. Other pools of the run have the same, those before it that were stopped
// first. No line is longer than width columns, of which it wants at least
// narrowest. It colours nothing.
//
// Times are since the run began, and to the millisecond: what a driver of
// virtual time lets pass between two steps, at most a microsecond, does not show.
func Timeline(w io.Writer, r *scenario.Record, width int) {
	page, place := page{w, max(width, narrowest)}, ""
	open, _ := r.First(scenario.Open)
	for _, other := range r.Others {
		if stoppedBy(other, open.At) {
			page.run("First: ", other)
			fmt.Fprintln(w)
			place = "Then: "
		}
	}
	page.run(place, r)
	for _, other := range r.Others {
		if !stoppedBy(other, open.At) {
			fmt.Fprintln(w)
			page.run("Beside it: ", other)
		}
	}
}

// stoppedBy says whether a pool had been closed by then.
func stoppedBy(r *scenario.Record, then time.Duration) bool {
	closed, ok := r.First(scenario.Closed)
	return ok && closed.At <= then
}

// run prints one pool's run.
func (p page) run(place string, r *scenario.Record) {
	p.wrap("", "  ", place+heading(r))
	fmt.Fprintln(p)
	for _, m := range tell(r) {
		p.moment(m)
	}
	fmt.Fprintln(p)
	chart := draw(r, p.width)
	for _, row := range chart.rows() {
		fmt.Fprintln(p, strings.TrimRight(row, " "))
	}
	p.wrap("", "  ", chart.legend())
}

// narrowest is how many columns a timeline needs at least.
const narrowest = 40

// heading says who is on trial, and by when calls are to be answered.
func heading(r *scenario.Record) string {
	s := fmt.Sprintf("%s: %s", r.Subject, counted(r.Size, "worker"))
	if r.Overflow > 0 {
		s += fmt.Sprintf(" and %d more when they are busy", r.Overflow)
	}
	cores := fmt.Sprintf("%g cores", r.Cores)
	if r.Cores == 1 {
		cores = "1 core"
	}
	s += fmt.Sprintf(", %s, seed %d; a call's deadline is %s after its arrival", cores, r.Seed, span(r.Deadline))
	switch r.Patience {
	case 0:
		return s
	case r.Deadline:
		return s + ", when its caller gives up"
	}
	return s + fmt.Sprintf(", its caller gives up after %s", span(r.Patience))
}

// A page is what is written on: no line of it is longer than width.
type page struct {
	io.Writer
	width int
}

// moment prints what happens at one time: in one line if that is enough, else
// one line a saying.
func (p page) moment(m *moment) {
	at := fmt.Sprintf("%9s  ", fmt.Sprintf("%.3f s", m.at.Seconds()))
	var all []string
	for _, s := range m.says {
		all = append(all, s.String())
	}
	if line := at + strings.Join(all, "; "); utf8.RuneCountInString(line) <= p.width {
		fmt.Fprintln(p, line)
		return
	}
	for i, s := range all {
		if i > 0 {
			at = strings.Repeat(" ", len(at))
		}
		p.wrap(at, strings.Repeat(" ", len(at)+2), s)
	}
}

// wrap prints a text, its first line after one indent, further ones after
// another that is no shorter.
func (p page) wrap(first, further, s string) {
	indent := first
	for line := range strings.Lines(text.WrapSoft(s, p.width-utf8.RuneCountInString(further))) {
		fmt.Fprintln(p, indent+strings.TrimSpace(line))
		indent = further
	}
}

// span is a length of time, to the millisecond.
func span(d time.Duration) string {
	s := strings.TrimRight(fmt.Sprintf("%.3f", d.Seconds()), "0")
	return strings.TrimSuffix(s, ".") + " s"
}

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
