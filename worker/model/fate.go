package model

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// A Demand is what a call asks for.
type Demand struct{ CPU, Wait time.Duration }

// Forever is a waiting that nothing but the worker's end ends.
const Forever = time.Duration(1 << 62)

// A Call is what a worker is asked, as far as it matters to what becomes of it.
type Call struct {
	ID      string // its argument call_id; "" if it has none
	Command string
	Asked   Demand // by what the command does: nothing if the model does not know it
}

// A Fate is what becomes of a call. A command that the model does not know, or a
// function, is answered with null then: whoever decides fates knows it.
type Fate struct {
	Demand
	Err  string       // what it is answered in place of a result, once it has had its demand
	Dies *worker.Exit // how the worker ends in place of an answer
}

func (f *Fate) alter(reply *wire.Reply, known bool) {
	if f.Err != "" {
		kind, _, _ := strings.Cut(f.Err, ":")
		*reply = wire.Reply{ID: reply.ID, Error: f.Err, ErrorType: kind}
	} else if !known {
		*reply = wire.Reply{ID: reply.ID, Success: true, Result: json.RawMessage("null")}
	}
}

// Asks says what a command asks for by what it does.
func Asks(command string, args map[string]any) Demand {
	return asks(command, func(name string) float64 {
		s, _ := Number(args[name])
		return s
	})
}

// Number is an argument of a command as the worker has it, if it is a number of
// any of Go's types.
func Number(arg any) (n float64, ok bool) {
	switch v := reflect.ValueOf(arg); {
	case v.CanFloat():
		return v.Float(), true
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	}
	return 0, false
}

// Takes names the argument that is a command's demand in seconds, if it has one.
func Takes(command string) (arg string, ok bool) {
	switch command {
	case "sleep":
		return "s", true
	case "burn":
		return "cpu_s", true
	}
	return "", false
}

// asks is Asks, of arguments that are numbers where they have the name of one.
func asks(command string, number func(name string) float64) (d Demand) {
	arg, ok := Takes(command)
	if !ok {
		return d
	}
	asked := time.Duration(number(arg) * float64(time.Second))
	if command == "burn" {
		return Demand{CPU: asked}
	}
	return Demand{Wait: asked}
}
