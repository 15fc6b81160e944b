//go:build linux

package harness

import (
	"context"
	"slices"
	"strings"
	"testing"
)

func TestTheDoctorLooksAtEverythingAndLeavesNothing(t *testing.T) {
	var names []string
	for _, c := range Examine(t.Context()) {
		names = append(names, c.Name)
		if c.Found == "" || !slices.Contains([]string{"ok", "note", "missing"}, c.Status) {
			t.Errorf("%+v", c)
		}
		if c.Status == "missing" && c.Advice == "" {
			t.Errorf("%s is missing, and nobody says what to do", c.Name)
		}
		if c.Name == "python3" && c.Status != "ok" {
			t.Errorf("%+v, though the tests beside this one run on it", c)
		}
	}
	if want := []string{"cores", "CPU quota", "CPU pressure", "stolen time", "autogroup", "python3", "shim", "C compiler", "Docker"}; !slices.Equal(names, want) {
		t.Errorf("looked at %q, want %q", names, want)
	}
	nothingRuns(t)
}

func TestTheDoctorSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CC", "")
	for name, c := range map[string]Check{"python3": python(t.Context()), "C compiler": compiler(t.Context())} {
		if c.Name != name || c.Status != "missing" || !strings.Contains(c.Advice, "apt-get install") {
			t.Errorf("%+v", c)
		}
	}
	if c := shim(t.Context()); c.Status != "note" {
		t.Errorf("%+v", c)
	}
}

func TestAQuotaIsToldInCores(t *testing.T) {
	for found, c := range map[string]Check{
		"1.50 cores":                 quotaOf("q", "150000", "100000"),
		"not understood: many of 10": quotaOf("q", "many", "10"),
		"not understood: 1 of 0":     quotaOf("q", "1", "0"),
	} {
		if c.Name != "q" || c.Status != "note" || c.Found != found {
			t.Errorf("%+v, want %s", c, found)
		}
	}
}

func TestNoEngineIsNoFault(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/nowhere.sock")
	if c := docker(t.Context()); c.Status != "note" || !strings.Contains(c.Found, "nowhere.sock") {
		t.Errorf("%+v", c)
	}
	t.Setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
	if c := docker(t.Context()); c.Status != "note" || !strings.Contains(c.Found, "not looked at") {
		t.Errorf("%+v", c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c := stolen(ctx); c.Status != "note" || !strings.Contains(c.Found, "interrupted") {
		t.Errorf("%+v", c)
	}
}
