package matrix

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/butfor/butfor/faults"
	"github.com/butfor/butfor/harness/scenario"
)

// Real is how a case is played on real workers. The zero value is for one that is
// played in virtual time.
type Real struct {
	// Scale is by what all its times are multiplied: starts, calls, deadlines, and
	// what faults do.
	Scale float64 `json:"scale,omitempty"`
	// Own is the CPU that a real worker's start takes besides.
	Own time.Duration `json:"own_start_ns,omitempty"`
}

// Contract is the contract at the scale, with what real starts take besides.
func (r Real) Contract(c scenario.Contract) scenario.Contract {
	scale(reflect.ValueOf(&c).Elem(), r.Scale)
	c.Start.CPU += r.Own
	return c
}

// real has a case's scenario played on real workers.
func (r Real) real(sc *scenario.Scenario) {
	sc.World = "process"
	sc.WarmPatience = sc.Warms()
	for _, times := range []any{&sc.WarmPatience, &sc.Config, &sc.Start, &sc.Workload, &sc.Deadline, &sc.Patience, &sc.Recovery, &sc.Faults} {
		scale(reflect.ValueOf(times).Elem(), r.Scale)
	}
	sc.Workload.Args = r.args(sc.Workload.Args)
	for i := range sc.Workload.Then { // a copy already, with all that scale has been in
		sc.Workload.Then[i].Args = r.args(sc.Workload.Then[i].Args)
	}
}

// args are a call's: what it asks for is in seconds.
func (r Real) args(args map[string]any) map[string]any {
	args = maps.Clone(args)
	for name, arg := range args {
		if s, ok := arg.(float64); ok {
			args[name] = s * r.Scale
		}
	}
	return args
}

// scale multiplies all durations in a value, which is changed in place; what it
// points to is not, but for a copy.
func scale(v reflect.Value, by float64) {
	if v.Type() == reflect.TypeFor[time.Duration]() {
		v.SetInt(int64(float64(v.Int()) * by))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scale(v.Field(i), by)
			}
		}
	case reflect.Slice:
		if !v.IsNil() {
			v.Set(reflect.AppendSlice(reflect.MakeSlice(v.Type(), 0, v.Len()), v))
		}
		for i := range v.Len() {
			scale(v.Index(i), by)
		}
	case reflect.Interface:
		if !v.IsNil() {
			inside := reflect.New(v.Elem().Type()).Elem()
			inside.Set(v.Elem())
			scale(inside, by)
			v.Set(inside)
		}
	}
}

// OfProcesses says whether real processes can meet the case's environment: a disk and
// memory of their own only containers have.
func (c Case) OfProcesses() bool {
	e, err := find(environments, c.Environment)
	return err == nil && !slices.ContainsFunc(e.draw(draw(c.Seed, e.name)), func(e faults.Entry) bool {
		switch e.Fault.(type) {
		case faults.SlowDisk, faults.MemoryPressure:
			return true
		}
		return false
	})
}

// onRealWorkers says whether cases were played on these.
func onRealWorkers(outcomes []Outcome) bool { return len(outcomes) > 0 && outcomes[0].Real != (Real{}) }

// Some is n of the cases at most, drawn by their names alone, in their order.
func Some(cases []Case, n int) []Case {
	lot := func(c Case) uint64 { return hash("some", c.Bug, c.Environment, c.Load, fmt.Sprint(c.Seed)) }
	drawn := slices.SortedFunc(slices.Values(cases), func(a, b Case) int { return cmp.Compare(lot(a), lot(b)) })
	drawn = drawn[:min(n, len(drawn))]
	last := uint64(0)
	if len(drawn) > 0 {
		last = lot(drawn[len(drawn)-1])
	}
	var some []Case
	for _, c := range cases {
		if len(some) < len(drawn) && lot(c) <= last {
			some = append(some, c)
		}
	}
	return some
}
