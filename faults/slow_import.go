package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/butfor/butfor/worker/model"
	"github.com/butfor/butfor/worker/wire"
)

func init() {
	Register(SlowImport{}, func(lots *rand.Rand) Fault {
		return SlowImport{Module: "asyncio", CPU: tens(lots, 0, 500)}
	})
}

// SlowImport has a worker import a real module before it reads its first frame: with all
// that it takes of the disk, of memory and of the CPU. How long that is nobody sets.
//
// It fires once the worker has stated that it has imported it. It can be used in every
// world with workers of ours; a model, which imports nothing, computes for as long as is
// said.
type SlowImport struct {
	Module string        `yaml:"module"`        // its name, of Python's own library: asyncio, say
	CPU    time.Duration `yaml:"cpu,omitempty"` // CPU time that it takes of a model
}

// Name implements Fault.
func (SlowImport) Name() string { return "slow-import" }

var module = regexp.MustCompile(`^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$`)

// Check implements Fault.
func (f SlowImport) Check() error {
	return errors.Join(checkModule(f.Module), between("cpu", f.CPU, 0, mostDemand))
}

func checkModule(name string) error {
	if !module.MatchString(name) {
		return fmt.Errorf("module is %q: it must be a module's name, such as asyncio", name)
	}
	return nil
}

// Model implements StartFault.
func (f SlowImport) Model(p *model.Profile, _ *rand.Rand) {
	p.BootCPU += f.CPU
	p.Imports = true
}

// Real implements StartFault.
func (f SlowImport) Real(*rand.Rand) []string { return []string{"--boot-import", f.Module} }

func (SlowImport) states() string { return wire.StatedImport }

// Fired implements StartFault.
func (SlowImport) Fired(s Sign) bool { return s.Stated }
