package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SpoiltRequest{}, func(lots *rand.Rand) Fault {
		return SpoiltRequest{How: []Spoiling{NoID, NoJSON}[lots.IntN(2)], Nth: lots.IntN(4)}
	})
}

// SpoiltRequest has a call come to its worker as what is no request: without its id, or
// as JSON that ends too soon. The frame itself is whole, and the next one is as it should
// be. A worker of ours answers it with an error that says so, which can't carry the id;
// the call counts as excused if that comes by its deadline, or as answered where it is
// what the workload says of it.
//
// It fires once the worker was sent it. It can be used in every world: what is sent to a
// worker goes through the harness.
type SpoiltRequest struct {
	How Spoiling `yaml:"how"`           // no-id or no-json
	Nth int      `yaml:"nth,omitempty"` // at the worker's n-th call, from 1; 0: at any that Target is true of
}

// Spoiling is a way to do so.
type Spoiling string

// The ways.
const (
	NoID   Spoiling = "no-id"
	NoJSON Spoiling = "no-json"
)

// Name implements Fault.
func (SpoiltRequest) Name() string { return "spoilt-request" }

// Check implements Fault.
func (f SpoiltRequest) Check() error {
	if f.How != NoID && f.How != NoJSON {
		return fmt.Errorf("how is %q: it must be %s or %s", f.How, NoID, NoJSON)
	}
	return checkNth(f.Nth)
}

// Order implements CallFault.
func (f SpoiltRequest) Order(nth int) (none wire.Order, ordered bool) {
	return none, f.Nth == 0 || f.Nth == nth
}

// Spoil implements SpoilingFault.
func (f SpoiltRequest) Spoil(request []byte) []byte {
	if f.How == NoJSON {
		return request[:len(request)-1]
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(request, &fields); err != nil {
		panic(err) // it was read before
	}
	delete(fields, "id")
	spoilt, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return spoilt
}

// Fired implements CallFault.
func (SpoiltRequest) Fired(s Sign) bool { return s.Seen == Sent }

func (SpoiltRequest) mild() {}
