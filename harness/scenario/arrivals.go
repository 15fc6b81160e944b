package scenario

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Arrivals are the times at which the clients come, since its clock
// started. The same seed gives the same times.
func (w *Workload) Arrivals(seed uint64) []time.Duration {
	if w.At != nil {
		return w.At[:w.Clients]
	}
	at := make([]time.Duration, w.Clients)
	draw := rand.New(rand.NewPCG(seed, 0))
	for i := range at {
		if i == 0 {
			continue
		}
		switch w.Arrive {
		case Rate:
			at[i] = at[i-1] + w.Every
		case Poisson:
			at[i] = at[i-1] + time.Duration(draw.ExpFloat64()*float64(w.Every))
		}
	}
	return at
}

// Client is what the nth client is called, from 1.
func (w *Workload) Client(nth int) string { return "c" + strconv.Itoa(nth) }

// Call is the id of the nth client's call, both from 1.
func (w *Workload) Call(client, nth int) string {
	if w.Each() > 1 {
		return w.Client(client) + "." + strconv.Itoa(nth)
	}
	return w.Client(client)
}

// stepOf is what a call is, by its id; false if it is neither the workload's nor one
// beside it.
func (w *Workload) stepOf(id string) (s Step, ok bool) {
	client, call, several := strings.Cut(strings.TrimPrefix(id, "c"), ".")
	nth := 1
	n, err := strconv.Atoi(client)
	if several && err == nil {
		nth, err = strconv.Atoi(call)
	}
	switch {
	case err == nil && nth >= 1 && w.Call(n, nth) == id:
		return w.Step(nth), true
	case slices.ContainsFunc(w.Extra, func(x Extra) bool { return x.Name == id }):
		return w.Step(1), true
	}
	return s, false
}

// Session is that of the nth client, from 1; "" if there are none.
func (w *Workload) Session(nth int) string {
	if w.Sessions == 0 {
		return ""
	}
	return "s" + strconv.Itoa((nth-1)%w.Sessions+1)
}

// Sharers is how many clients have the session that the nth one has.
func (w *Workload) Sharers(nth int) int {
	return (w.Clients - (nth-1)%w.Sessions + w.Sessions - 1) / w.Sessions
}
