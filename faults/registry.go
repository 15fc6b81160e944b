package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
)

// registered are the faults by name.
var registered = map[string]registration{}

type registration struct {
	of   reflect.Type
	draw func(*rand.Rand) Fault
}

// Register makes a fault known under its name. zero is a value of it; draw gives
// one with settings that are drawn, small enough for a run of seconds. It panics
// if the name is taken, or if it has neither a form for models nor a reason why not.
// It is to be called by an init.
func Register(zero Fault, draw func(*rand.Rand) Fault) {
	name := zero.Name()
	if _, taken := registered[name]; taken {
		panic(fmt.Sprintf("faults: two faults are called %s", name))
	}
	if about(zero) == nothing {
		panic(fmt.Sprintf("faults: %s is of no kind", name))
	}
	_, lasts := zero.(WorkerFault)
	_, modelled := zero.(ModelledWorkerFault)
	if _, un := zero.(Unmodelled); lasts && modelled == un {
		panic(fmt.Sprintf("faults: %s must be modelled or unmodelled", name))
	}
	registered[name] = registration{of: reflect.TypeOf(zero), draw: draw}
}

// Names are all faults, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registered)) }

// renamed are the names that faults had before, each with how the same is written now.
var renamed = map[string]string{"says-loading": "fault: odd-hello, with: {status: loading}"}

// Known says what is wrong with the name of a fault; nil: there is one.
func Known(name string) error {
	if _, ok := registered[name]; ok {
		return nil
	}
	if now, ok := renamed[name]; ok {
		return fmt.Errorf("no fault is called %q any more: write %s", name, now)
	}
	return fmt.Errorf("no fault is called %q: there are %s", name, strings.Join(Names(), ", "))
}

// newFault gives a pointer to a fault of that name without settings.
func newFault(name string) (reflect.Value, error) {
	if err := Known(name); err != nil {
		return reflect.Value{}, err
	}
	return reflect.New(registered[name].of), nil
}

// Draw draws a fault of that name with settings for a run of seconds; nil if
// there is none.
func Draw(name string, from *rand.Rand) Fault {
	r, ok := registered[name]
	if !ok {
		return nil
	}
	return r.draw(from)
}

// Recorded are the names of those faults of a world of models that a replay of a run has
// as well.
func Recorded() []string {
	return slices.DeleteFunc(Modelled(), func(name string) bool {
		_, un := reflect.Zero(registered[name].of).Interface().(Unrecorded)
		return un
	})
}

// Modelled are the names of those that can be had in a world of models.
func Modelled() []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		_, un := reflect.Zero(registered[name].of).Interface().(Unmodelled)
		return un
	})
}

// Swarm draws a plan of n faults for a run of seconds: any faults of those names, for
// any things, at any time. They may find no occasion.
func Swarm(from *rand.Rand, n int, names []string) (p Plan) {
	for range n {
		e := Entry{Fault: Draw(names[from.IntN(len(names))], from), Maybe: true}
		if _, is := e.Fault.(ClosingFault); is {
			p = append(p, e)
			continue
		}
		e.At = []Trigger{{}, {}, Clock, Start(1 + from.IntN(4)), Call(1 + from.IntN(6))}[from.IntN(5)]
		if from.IntN(2) == 0 {
			e.From = tens(from, 0, 500)
		}
		if _, is := e.Fault.(passing); is || from.IntN(2) == 0 {
			e.Until = e.From + tens(from, 1, 1000)
		}
		of := about(e.Fault)
		if of != machine {
			e.Times = from.IntN(4)
		}
		if of != machine && of != crowd {
			switch from.IntN(3) {
			case 0:
				e.Target.First = 1 + from.IntN(3)
			case 1:
				e.Target.Share = float64(1+from.IntN(9)) / 10
			}
		}
		p = append(p, e)
	}
	return p
}
