package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/butfor/butfor/worker"
	"github.com/butfor/butfor/worker/wire"
)

// resultError is what the Python worker answers in place of a result that is no
// JSON.
const resultError = "ResultError"

// outlived is how much CPU a worker uses that outlives its port, unless it is
// killed: more than any run has.
const outlived = 1000 * time.Hour

// logRate is how many bytes of log such a worker writes for each second of CPU: that of
// the original wrote 13.6 MB in 3 s on a core to itself (measured; findings: orphan-spin).
const logRate = 13.6e6 / 3

// Functions are those that the model knows of the command call: one that prints, one that
// writes to stderr, one whose result is no JSON, and one that divides two numbers.
var Functions = []string{"builtins:print", "warnings:warn", "builtins:object", "operator:truediv"}

// function is a call of one; false if the model does not know it.
func (p *Port) function(r *wire.Head, reply *wire.Reply) (known bool) {
	switch function := r.Text("function"); function {
	case "builtins:print":
		reply.Result = json.RawMessage("null")
		if p.has(worker.Prints) {
			p.noise = []byte("hello\n")
		}
	case "warnings:warn":
		reply.Result = json.RawMessage("null")
		if p.has(worker.Merges) {
			p.noise = []byte("UserWarning: hello\n")
		}
	case "builtins:object":
		*reply = wire.Reply{ID: r.ID, Error: resultError + ": the result of call is no JSON", ErrorType: resultError}
	case "operator:truediv":
		*reply = wire.Reply{ID: r.ID, Error: "ZeroDivisionError: division by zero", ErrorType: "ZeroDivisionError"}
		var args [2]float64
		if json.Unmarshal(r.Raw("args"), &args) == nil && args[1] != 0 {
			*reply = wire.Reply{ID: r.ID, Success: true, Result: raw(args[0] / args[1])}
		}
	default:
		*reply = wire.Reply{ID: r.ID, Error: fmt.Sprintf("ArgumentError: args.function: a model has no %q", function), ErrorType: "ArgumentError"}
		return false
	}
	return true
}

// swallows says whether the worker keeps its reply to itself.
func (p *Port) swallows() bool {
	return p.has(worker.Swallows) && slices.Contains([]string{resultError, wire.RequestError}, p.reply.ErrorType)
}

func (p *Port) has(h worker.Habit) bool { return slices.Contains(p.habits, h) }
