package scenario

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/butfor/butfor/internal/settings"
)

// A Contract is the worst environment in which a pool must keep its deadlines.
// What goes beyond it may excuse a miss; what stays inside it never does.
type Contract struct {
	Cores    float64       `json:"cores" yaml:"cores"`             // that there are, at least
	Start    Demand        `json:"start" yaml:"start"`             // what a start asks for, at most
	Call     Demand        `json:"call" yaml:"call"`               // what a call asks for, at most; a Wait of 0: as long as it likes
	Outside  float64       `json:"outside" yaml:"outside"`         // threads of others that want a CPU at any time, at most
	Crashes  int           `json:"crashes" yaml:"crashes"`         // workers of a run that die unasked, at most
	Mute     int           `json:"mute_starts" yaml:"mute_starts"` // workers of a run that never say hello, at most
	Recovery time.Duration `json:"recovery_ns" yaml:"recovery"`    // until a pool has its capacity again, once all that hurt it is over
}

// contractMost bounds how many of a thing a contract may speak of: a million stands
// for any number.
const contractMost = 1 << 20

// contractPage is a contract as it is written: what is not said is told from 0.
type contractPage struct {
	Cores *float64 `yaml:"cores"`
	Start *struct {
		CPU  *time.Duration `yaml:"cpu"`
		Wait *time.Duration `yaml:"wait"`
	} `yaml:"start"`
	Call *struct {
		CPU  *time.Duration `yaml:"cpu"`
		Wait time.Duration  `yaml:"wait"`
	} `yaml:"call"`
	Outside  *float64       `yaml:"outside"`
	Crashes  *int           `yaml:"crashes"`
	Mute     *int           `yaml:"mute_starts"`
	Recovery *time.Duration `yaml:"recovery"`
}

// UnmarshalYAML implements yaml.NodeUnmarshaler. A contract says all that there is
// to say: nobody agrees to what is left out.
func (c *Contract) UnmarshalYAML(n ast.Node) error {
	var p contractPage
	if err := settings.Value(n, &p); err != nil {
		return err
	}
	var unsaid []string
	for _, f := range []struct {
		name string
		said bool
	}{
		{"cores", p.Cores != nil},
		{"start.cpu", p.Start != nil && p.Start.CPU != nil}, {"start.wait", p.Start != nil && p.Start.Wait != nil},
		{"call.cpu", p.Call != nil && p.Call.CPU != nil},
		{"outside", p.Outside != nil}, {"crashes", p.Crashes != nil}, {"mute_starts", p.Mute != nil}, {"recovery", p.Recovery != nil},
	} {
		if !f.said {
			unsaid = append(unsaid, f.name)
		}
	}
	if len(unsaid) > 0 {
		return settings.At(n, "the contract does not say %s", strings.Join(unsaid, ", "))
	}
	*c = Contract{
		Cores: *p.Cores, Start: Demand{CPU: *p.Start.CPU, Wait: *p.Start.Wait}, Call: Demand{CPU: *p.Call.CPU, Wait: p.Call.Wait},
		Outside: *p.Outside, Crashes: *p.Crashes, Mute: *p.Mute, Recovery: *p.Recovery,
	}
	return nil
}

// Check says what of a contract can't be, naming each by its key in files.
func (c *Contract) Check() error {
	var errs []error
	bad := func(key, format string, args ...any) { errs = append(errs, settings.Wrong(key, format, args...)) }
	if !(c.Cores > 0 && c.Cores <= contractMost) { // NaN too
		bad("cores", "is %v: it must be above 0, and at most %d", c.Cores, contractMost)
	}
	if !(c.Outside >= 0 && c.Outside <= contractMost) {
		bad("outside", "is %v: it must be a number of threads from 0 to %d", c.Outside, contractMost)
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"start.cpu", c.Start.CPU}, {"start.wait", c.Start.Wait}, {"call.cpu", c.Call.CPU}, {"call.wait", c.Call.Wait}, {"recovery", c.Recovery}} {
		if d.d < 0 || d.d > timeMost {
			bad(d.name, "is %v: it must be from 0 to %v", d.d, timeMost)
		}
	}
	if c.Recovery == 0 {
		bad("recovery", "is 0: nobody recovers in no time")
	}
	for _, n := range []struct {
		name string
		n    int
	}{{"crashes", c.Crashes}, {"mute_starts", c.Mute}} {
		if n.n < 0 || n.n > contractMost {
			bad(n.name, "is %d: it must be from 0 to %d", n.n, contractMost)
		}
	}
	return errors.Join(errs...)
}

// ParseContract reads a contract file. Its errors say in which line which key is
// wrong, or what is not said.
func ParseContract(text []byte) (c Contract, err error) {
	root, err := settings.Read(text, &c)
	if err != nil {
		return c, err
	}
	return c, settings.Locate(root, c.Check())
}

// ReadContract reads a contract file from disk.
func ReadContract(path string) (Contract, error) {
	text, err := settings.ReadFile(path)
	if err != nil {
		return Contract{}, fmt.Errorf("contract: %w", err)
	}
	c, err := ParseContract(text)
	return c, settings.In(path, err)
}
