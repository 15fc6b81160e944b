package history

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

func ask(who string, at time.Duration) Step { return Step{Kind: Ask, Who: who, From: at, To: at} }
func get(who, worker string, from, to time.Duration) Step {
	return Step{Kind: Get, Who: who, Worker: worker, From: from, To: to}
}
func quit(who string, from, to time.Duration) Step {
	return Step{Kind: Quit, Who: who, From: from, To: to}
}
func put(who, worker string, at time.Duration) Step {
	return Step{Kind: Put, Who: who, Worker: worker, From: at, To: at}
}
func drop(who, worker string, at time.Duration) Step {
	return Step{Kind: Drop, Who: who, Worker: worker, From: at, To: at}
}
func end(worker string, from, to time.Duration) Step {
	return Step{Kind: End, Worker: worker, From: from, To: to}
}

// in has steps belong to a session.
func in(session string, steps ...Step) []Step {
	for i := range steps {
		steps[i].Session = session
	}
	return steps
}
func write(who, worker, value string, at time.Duration) Step {
	return Step{Kind: Write, Who: who, Worker: worker, Value: value, From: at, To: at}
}
func read(who, worker, value string, at time.Duration) Step {
	return Step{Kind: Read, Who: who, Worker: worker, Value: value, From: at, To: at}
}
func lost(who string, at time.Duration) Step { return Step{Kind: Lost, Who: who, From: at, To: at} }
func over(at time.Duration) Step             { return Step{Kind: Over, From: at, To: at} }
func told(at time.Duration) Step             { return Step{Kind: Told, From: at, To: at} }

// begun is a session that has left something on w1.
func begun(more ...[]Step) []Step {
	return slices.Concat(in("s", ask("a", 1), get("a", "w1", 1, 1), write("a", "w1", "x", 2), put("a", "w1", 3)), slices.Concat(more...))
}

var strict = Promise{Most: 2, InOrder: true, Strict: true}

func TestAHistoryOfSessionsThatKeepsThePromiseIsLegal(t *testing.T) {
	for name, steps := range map[string][]Step{
		"finds what it left":                        begun(in("s", ask("b", 4), get("b", "w1", 4, 4), read("b", "w1", "x", 5))),
		"another finds nothing":                     begun(in("t", ask("b", 4), get("b", "w1", 4, 4), read("b", "w1", "", 5))),
		"nothing after its end":                     begun(in("s", over(4), ask("b", 5), get("b", "w2", 5, 5), read("b", "w2", "", 6), put("b", "w2", 7), ask("c", 8), get("c", "w2", 8, 8))),
		"passed by one that may go":                 begun([]Step{ask("b", 4), get("b", "w1", 4, 4)}, in("s", ask("c", 5)), []Step{ask("d", 6), get("d", "w2", 6, 6), put("b", "w1", 8)}, in("s", get("c", "w1", 5, 8))),
		"gives up though another worker lies idle":  begun([]Step{ask("b", 4), get("b", "w1", 4, 4), ask("d", 4), get("d", "w2", 4, 4), put("d", "w2", 5)}, in("s", ask("c", 6), quit("c", 9, 9))),
		"gives up while a worker is told of an end": begun(in("s", over(4)), []Step{ask("x", 4), get("x", "w2", 4, 4), ask("b", 4), quit("b", 5, 5)}, in("s", told(6))),
		"lost with its worker":                      begun([]Step{end("w1", 4, 9)}, in("s", ask("b", 5), lost("b", 6), ask("c", 7), lost("c", 8))),
		"not lost, as nothing was held": slices.Concat(in("s", ask("a", 1), get("a", "w1", 1, 1)), []Step{end("w1", 2, 2)},
			in("s", ask("b", 3), get("b", "w2", 3, 3), read("b", "w2", "", 4))),
	} {
		if err := Check(strict, steps); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	elsewhere := begun(in("s", ask("b", 4), get("b", "w2", 4, 4), read("b", "w2", "", 5)))
	if err := Check(two, elsewhere); err != nil {
		t.Errorf("a session that may go anywhere: %v", err)
	}
}

func TestAHistoryOfSessionsThatBreaksThePromiseIsToldWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		why   string
		steps []Step
	}{
		"finds another's":        {`it left "" there`, begun(in("t", ask("b", 4), get("b", "w1", 4, 4), read("b", "w1", "x", 5)))},
		"finds nothing":          {`it left "x" there`, begun(in("s", ask("b", 4), get("b", "w1", 4, 4), read("b", "w1", "", 5)))},
		"goes elsewhere":         {"s is with w1", begun(in("s", ask("b", 4), get("b", "w2", 4, 4)))},
		"goes on after the loss": {"s is with w1", begun([]Step{end("w1", 4, 4)}, in("s", ask("b", 5), get("b", "w2", 5, 5)))},
		"finds what one of its name left before its end": {`it left "" there`, begun(in("s", over(4), ask("b", 5), get("b", "w1", 5, 5), read("b", "w1", "x", 6)))},
		"lost, though its worker lives":                  {"it is not", begun(in("s", ask("b", 4), lost("b", 5)))},
		"given up while its worker lies idle":            {"w1 lies idle", begun(in("s", ask("b", 4), quit("b", 9, 9)))},
		"given up once a worker has been told":           {"w1 lies idle", begun(in("s", over(4)), []Step{ask("x", 4), get("x", "w2", 4, 4), ask("b", 4), quit("b", 6, 6)}, in("s", told(5)))},
		"passed by another of its own": {"b came before it; but for the order", begun([]Step{ask("x", 4), get("x", "w1", 4, 4)},
			in("s", ask("b", 5), ask("c", 6)), []Step{put("x", "w1", 7)}, in("s", get("c", "w1", 7, 7), put("c", "w1", 8), get("b", "w1", 8, 8)))},
		"two at once find two workers": {"s is with", slices.Concat([]Step{ask("x", 1), get("x", "w1", 1, 1), ask("y", 1), get("y", "w2", 1, 1)},
			in("s", ask("a", 2), ask("b", 3)), []Step{put("x", "w1", 4), put("y", "w2", 4)}, in("s", get("a", "w1", 5, 5), get("b", "w2", 5, 5)))},
		"writes on what it does not hold": {"it does not hold it", begun(in("s", write("a", "w1", "y", 5)))},
	} {
		if err := Check(strict, c.steps); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.why)
		}
	}
}

var two = Promise{Most: 2, InOrder: true}

func TestAHistoryThatKeepsThePromiseIsLegal(t *testing.T) {
	for name, steps := range map[string][]Step{
		"nothing happens": {},
		"one after another": {
			ask("a", 1), get("a", "w1", 1, 1), put("a", "w1", 2),
			ask("b", 3), get("b", "w1", 3, 3), put("b", "w1", 4),
		},
		"at one instant, in whatever order": {
			ask("b", 5), get("b", "w1", 5, 5), put("a", "w1", 5), ask("a", 1), get("a", "w1", 1, 1),
		},
		"as many out as there may be, and one that waits": {
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 1), get("b", "w2", 1, 1),
			ask("c", 2), put("b", "w2", 7), get("c", "w2", 2, 7),
		},
		"given in order, and known the other way round": {
			ask("a", 1), get("a", "w1", 1, 1),
			ask("b", 2), ask("c", 3), put("a", "w1", 4), get("b", "w1", 2, 9), get("c", "w2", 3, 5),
		},
		"asked at once, served the other way round": {
			{Kind: Ask, Who: "a", From: 1, To: 9}, {Kind: Ask, Who: "b", From: 2, To: 3},
			get("b", "w1", 2, 3), put("b", "w1", 5), get("a", "w1", 1, 9),
		},
		"gives up, and is passed over once its time was over": {
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), ask("c", 3), quit("b", 6, 8), put("a", "w1", 7), get("c", "w1", 3, 7),
		},
		"another in place of one that ended, while the lease is still out": {
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 1), get("b", "w2", 1, 1),
			ask("c", 2), end("w1", 3, 3), get("c", "w3", 2, 4), put("a", "w1", 5),
		},
		"one that has ended is handed out before anybody noticed": {
			ask("a", 1), get("a", "w1", 1, 1), put("a", "w1", 2), end("w1", 3, 6), ask("b", 4), get("b", "w1", 4, 4),
		},
		"one that ended idle does not lie idle": {
			ask("a", 1), get("a", "w1", 1, 1), put("a", "w1", 2), end("w1", 3, 3), ask("b", 4), quit("b", 6, 6),
		},
	} {
		if err := Check(two, steps); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHistoryThatBreaksThePromiseIsToldWithTheReason(t *testing.T) {
	for name, c := range map[string]struct {
		why   string
		steps []Step
	}{
		"one worker in two hands": {"b gets w1 between 2ns and 3ns: a has it", []Step{
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), get("b", "w1", 2, 3), put("a", "w1", 4),
		}},
		"more out than there may be": {"c gets w3 at 3ns: 2 are out, as many as there may be", []Step{
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), get("b", "w2", 2, 2), ask("c", 3), get("c", "w3", 3, 3),
		}},
		"overtaken by one that came later": {"b has it; but for the order in the line it would be legal", []Step{
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), ask("c", 3),
			put("a", "w1", 5), get("c", "w1", 3, 5), put("c", "w1", 7), get("b", "w1", 2, 7),
		}},
		"overtaken, and gave up later": {"b came before it; but for the order in the line it would be legal", []Step{
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), ask("c", 3), put("a", "w1", 5), get("c", "w1", 3, 5), quit("b", 6, 6),
		}},
		"given up while a worker lay idle": {"b gives up at 9ns: w1 lies idle", []Step{
			ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), put("a", "w1", 5), quit("b", 9, 9),
		}},
		"given to one that had given up": {"a gets w1 at 8ns: it is not in line", []Step{
			ask("a", 1), quit("a", 3, 3), get("a", "w1", 8, 8),
		}},
		"given two for one": {"a gets w2 at 2ns: it is not in line", []Step{
			ask("a", 1), get("a", "w1", 1, 1), get("a", "w2", 2, 2),
		}},
		"asks twice": {"a asks at 2ns: it is in line already", []Step{ask("a", 1), ask("a", 2)}},
		"gives up without asking": {"b gives up between 1ns and 4ns: it is not in line", []Step{
			quit("b", 1, 4),
		}},
		"handed out again after it was given back for good": {"b gets w1 at 3ns: w1 is no more", []Step{
			ask("a", 1), get("a", "w1", 1, 1), drop("a", "w1", 2), ask("b", 3), get("b", "w1", 3, 3),
		}},
		"handed out after its end was noticed": {"b gets w1 at 7ns: w1 is no more", []Step{
			ask("a", 1), get("a", "w1", 1, 1), put("a", "w1", 2), end("w1", 3, 6), ask("b", 7), get("b", "w1", 7, 7),
		}},
		"given back twice": {"a gives w1 back at 3ns: it does not hold it", []Step{
			ask("a", 1), get("a", "w1", 1, 1), put("a", "w1", 2), put("a", "w1", 3),
		}},
	} {
		if err := Check(two, c.steps); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v, want it to say %q", name, err, c.why)
		}
	}
}

func TestWhatIsNotPromisedIsNotAskedFor(t *testing.T) {
	overtaken := []Step{
		ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), ask("c", 3),
		put("a", "w1", 5), get("c", "w1", 3, 5), put("c", "w1", 7), get("b", "w1", 2, 7),
	}
	if err := Check(Promise{Most: 2}, overtaken); err != nil {
		t.Errorf("in any order: %v", err)
	}
	three := []Step{
		ask("a", 1), get("a", "w1", 1, 1), ask("b", 2), get("b", "w2", 2, 2), ask("c", 3), get("c", "w3", 3, 3),
	}
	if err := Check(Promise{InOrder: true}, three); err != nil {
		t.Errorf("any number: %v", err)
	}
}

func TestAnIllegalHistorySaysHowFarItGoes(t *testing.T) {
	err := Check(two, []Step{
		ask("a", ms), get("a", "w1", ms, ms), ask("b", 2*ms), ask("c", 3*ms), get("c", "w1", 3*ms, 4*ms), put("a", "w1", 5*ms), quit("b", 6*ms, 6*ms),
	})
	want := "no order of the 7 steps keeps the promise: after 4 of them, with b, c in line, a having w1, c gets w1 between 3ms and 4ms: a has it"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
