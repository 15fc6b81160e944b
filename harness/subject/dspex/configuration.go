package dspex

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/butfor/butfor/harness/subject"
	modelled "github.com/butfor/butfor/worker/model"
)

// configuration is what the reports recommend for the application's, by the key, as it
// would change the settings that a pool is started with (findings: config-never-read).
var configuration = map[string]func(cfg *subject.Config, value any) (ok bool){
	"pool_size": func(cfg *subject.Config, value any) bool {
		n, ok := modelled.Number(value)
		cfg.Size = int(n)
		return ok && n >= 1 && n == float64(cfg.Size)
	},
	"overflow": func(cfg *subject.Config, value any) bool {
		n, ok := modelled.Number(value)
		cfg.Overflow = int(n)
		return ok && n >= 0 && n == float64(cfg.Overflow)
	},
	"lazy": func(cfg *subject.Config, value any) (ok bool) {
		cfg.Lazy, ok = value.(bool)
		return ok
	},
	"checkout_timeout": func(cfg *subject.Config, value any) bool { // in ms
		ms, ok := modelled.Number(value)
		cfg.CheckoutTimeout = time.Duration(ms * float64(time.Millisecond))
		return ok && ms > 0
	},
}

// configures says whether an option is a key of the application's configuration, where
// there is one.
func (s switches) configures(option string) bool {
	_, has := s[ConfigNeverRead]
	return has && configuration[option] != nil
}

// configure reads the configuration.
func (s switches) configure(cfg *subject.Config) error {
	if s.on(ConfigNeverRead) {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(cfg.Options)) {
		if s.configures(key) && !configuration[key](cfg, cfg.Options[key]) {
			return fmt.Errorf("configuration: %s can't be %v", key, cfg.Options[key])
		}
	}
	return nil
}
