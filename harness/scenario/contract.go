package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
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

// UnmarshalYAML reads a contract, which says all that there is to say: nobody
// agrees to what is left out.
func (c *Contract) UnmarshalYAML(decode func(any) error) error {
	var p contractPage
	if err := decode(&p); err != nil {
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
		return fmt.Errorf("contract: it does not say %s", strings.Join(unsaid, ", "))
	}
	*c = Contract{
		Cores: *p.Cores, Start: Demand{CPU: *p.Start.CPU, Wait: *p.Start.Wait}, Call: Demand{CPU: *p.Call.CPU, Wait: p.Call.Wait},
		Outside: *p.Outside, Crashes: *p.Crashes, Mute: *p.Mute, Recovery: *p.Recovery,
	}
	return c.Check()
}

// Check says what of a contract can't be, naming each.
func (c *Contract) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("contract: "+format, args...)) }
	if !(c.Cores > 0) || math.IsInf(c.Cores, 0) {
		bad("cores is %v: nothing runs without one", c.Cores)
	}
	if !(c.Outside >= 0) || math.IsInf(c.Outside, 0) {
		bad("outside is %v: it must be a number of threads from 0", c.Outside)
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"start.cpu", c.Start.CPU}, {"start.wait", c.Start.Wait}, {"call.cpu", c.Call.CPU}, {"call.wait", c.Call.Wait}} {
		if d.d < 0 {
			bad("%s is %v: it can't be negative", d.name, d.d)
		}
	}
	if c.Crashes < 0 {
		bad("crashes is %d: it can't be negative", c.Crashes)
	}
	if c.Mute < 0 {
		bad("mute_starts is %d: it can't be negative", c.Mute)
	}
	if c.Recovery <= 0 {
		bad("recovery is %v: nobody recovers in no time", c.Recovery)
	}
	return errors.Join(errs...)
}

// ParseContract reads a contract file. Its errors say in which line and column
// something is wrong, or what is not said.
func ParseContract(text []byte) (c Contract, err error) {
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	switch err := d.Decode(&c); {
	case errors.Is(err, io.EOF):
		return c, errors.New("contract: it is empty")
	case err != nil:
		return c, errors.New(explained(err))
	}
	if err := d.Decode(new(Contract)); !errors.Is(err, io.EOF) {
		return c, errors.New("contract: there is a second document: a file is one contract")
	}
	return c, nil
}

// ReadContract reads a contract file from disk.
func ReadContract(path string) (Contract, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Contract{}, fmt.Errorf("contract: %w", err)
	}
	c, err := ParseContract(text)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}
