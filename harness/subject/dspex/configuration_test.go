package dspex

import (
	"maps"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/subject"
)

func TestTheApplicationsConfigurationIsNotRead(t *testing.T) {
	cfg := lazily(1)
	cfg.Options = map[string]any{"pool_size": 3, "overflow": 2., "lazy": false, "checkout_timeout": 700}
	each(t, Last, ConfigNeverRead, cfg, healthy, func(b *bed, on bool) {
		if n := b.alive(); n != map[bool]int{true: 0, false: 3}[on] {
			b.Errorf("%d workers as it opens", n)
		}
		if n := served(b.together(4, sleep(1))); n != map[bool]int{true: 4, false: 3}[on] {
			b.Errorf("%d served: by 1 worker who wait for 5 s, or by 3 who wait for 0.7", n)
		}
	})
}

func TestWhatAConfigurationCanNotBeIsAnError(t *testing.T) {
	for _, c := range []struct {
		of    Version
		key   string
		value any
		fine  bool
	}{
		{Seed, "pool_size", 2, true}, {Seed, "pool_size", 0, false}, {Seed, "pool_size", 1.5, false}, {Seed, "pool_size", "2", false},
		{Seed, "overflow", 0, true}, {Seed, "overflow", -1, false},
		{Phase3, "lazy", true, true}, {Phase3, "lazy", 1, false},
		{Last, "checkout_timeout", 1500, true}, {Last, "checkout_timeout", 0, false}, {Last, "checkout_timeout", "5s", false},
		{First, "pool_size", 2, false}, {Third, "lazy", true, false}, // which have none
	} {
		options := map[string]any{c.key: c.value}
		if c.of != First && c.of != Third {
			maps.Copy(options, map[string]any{string(ConfigNeverRead): false})
		}
		p, err := New("pool", c.of).Open(t.Context(), healthy(), subject.Config{Size: 1, Lazy: true, Options: options})
		if (err == nil) != c.fine || err != nil && !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s, %s %v: %v", c.of, c.key, c.value, err)
		}
		if err == nil {
			_ = p.Close(t.Context())
		}
	}
}
