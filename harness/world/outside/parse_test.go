//go:build linux

package outside

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/cpu"
	"github.com/butfor/butfor/harness/scenario"
	workers "github.com/butfor/butfor/worker/process"
)

func TestSchedstatIsReadAsTheKernelWritesIt(t *testing.T) {
	for text, want := range map[string]string{
		"193233799 14405800 434\n":  "193.233799ms 14.4058ms true",
		"0 0 0\n":                   "0s 0s true",
		"9223372036854775807 5 1\n": "2562047h47m16.854775807s 5ns true",
		"7 8":                       "7ns 8ns true",
		"9223372036854775808 5 1\n": "0s 0s false",
		"":                          "0s 0s false",
		"12\n":                      "12ns 0s false",
		"-1 5 6\n":                  "0s 0s false",
		"1x 5 6\n":                  "0s 0s false",
		"a schedstat that was never one, but quite long\n": "0s 0s false",
	} {
		on, delay, ok := parseSchedstat([]byte(text))
		if got := fmt.Sprint(on, delay, ok); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

const stat2 = `cpu  45255 10 20492 112383 562 3 451 77 5 0
cpu0 22176 5 9820 57298 63 1 222 40 5 0
cpu3 23078 5 10672 55085 498 2 228 37 0 0
intr 1082005 0 0
ctxt 2197331
btime 1795635702
processes 20217
procs_running 4
procs_blocked 0
softirq 541111 0 37961
`

func TestTheMachineIsReadFromTheFirstLines(t *testing.T) {
	for text, want := range map[string]machine{
		stat2: {busy: (45255 + 10 + 20492 + 3 + 451) * 10 * ms, stolen: 770 * ms, cpus: 2},
		"cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10": {busy: (1 + 2 + 3 + 6 + 7) * 10 * ms, stolen: 80 * ms, cpus: 1},
		"cpu  1 2 3 4 5 6 7 8\ncpu0 1 2 3 4 5 6 7 8\n":         {busy: 190 * ms, stolen: 80 * ms, cpus: 1}, // before guests were counted
	} {
		if got, ok := parseStat([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "cpu", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  1 2 3 4 5 6 7\ncpu0 1", "cpu  1 2 3 4 5 6 7 -8\ncpu0 1", "cpu  1 2 x 4 5 6 7 8\ncpu0 1",
		"cpu  1 2 3 4 5 6 7 8\nintr 5\n", "cpu  999999999999999999 2 3 4 5 6 7 8\ncpu0 1\n"} {
		if got, ok := parseStat([]byte(text)); ok {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestAnAutogroupIsASessionsAndHasANice(t *testing.T) {
	for text, want := range map[string]scenario.Group{
		"/autogroup-230 nice 0\n":  {Name: "/autogroup-230", Weight: 1},
		"/autogroup-7 nice -5\n":   {Name: "/autogroup-7", Weight: cpu.NiceWeight(-5)},
		"/autogroup-1 nice 19\n":   {Name: "/autogroup-1", Weight: 15. / 1024},
		"/autogroup-99 nice -20\n": {Name: "/autogroup-99", Weight: 88761. / 1024},
	} {
		if got, ok := parseAutogroup([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "/autogroup-1", "/autogroup-1 nice 20", "/autogroup-1 nice x", "/autogroup-1 mean 0", "/user.slice nice 0"} {
		if got, ok := parseAutogroup([]byte(text)); ok {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

// As they were found on machines with the controllers of version 1, of version
// 2, of both, in containers of either, and in systemd's folders.
func TestTheGroupIsTheOneThatSharesOutTheCPU(t *testing.T) {
	const hybrid = "9:name=systemd:/\n8:pids:/\n4:memory:/process_api/88a1\n3:cpuset:/elsewhere\n2:cpuacct:/accounts\n1:cpu:/share\n0::/unified\n"
	for _, c := range []struct {
		text string
		v2   bool
		want string
	}{
		{hybrid, false, "/share"},
		{hybrid, true, "/unified"},
		{"12:cpuset:/docker/a\n5:cpu,cpuacct:/docker/3f1c\n1:name=systemd:/docker/a\n", false, "/docker/3f1c"},
		{"5:cpuacct,cpu:/docker/3f1c\n", false, "/docker/3f1c"},
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-3.scope\n", true,
			"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-3.scope"},
		{"0::/system.slice/a:b c.service", true, "/system.slice/a:b c.service"},
		{"0::/../other\n", true, "/../other"},
		{"0::/\n", false, "/"},
		{"5:cpu:/a\n", true, "/"},
		{"5:cpuset:/a\n", false, "/"},
		{"", true, "/"},
		{"nonsense\n\n:\n", true, "/"},
	} {
		if got := parseCgroup([]byte(c.text), c.v2); got != c.want {
			t.Errorf("%q, version 2 %v: got %q, want %q", c.text, c.v2, got, c.want)
		}
	}
}

func TestAParentIsFoundBehindAnyName(t *testing.T) {
	const rest = " 1 1 0 -1 4194560 12005 1403077 66 3055 11 9 2209 804"
	for text, want := range map[string]int{
		"1 (init) S 0 1" + rest:                         0,
		"77 (python3) R 42 77" + rest:                   42,
		"77 (a b) S 42 77" + rest:                       42,
		"77 (tmux: server) S 42 77" + rest:              42,
		"77 ((sd-pam)) S 42 77" + rest:                  42,
		"77 (a) R 5 (b) (c) S 42 77" + rest:             42,
		"77 () S 9) Z 42 77" + rest:                     42,
		"77 (two\nlines) S 42 77" + rest:                42,
		"77 (kworker/1:2-events_power_ef) I 2 0" + rest: 2,
		"77 (\xff\xfe) S 42 77" + rest:                  42,
	} {
		if got, ok := parseParent([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "77 (a)", "77 (a) S", "77 (a) S x", "77 (a) S -1 7"} {
		if got, ok := parseParent([]byte(text)); ok {
			t.Errorf("%q: got %d", text, got)
		}
	}
}

func TestWeightsAreAgainstTheDefault(t *testing.T) {
	for _, c := range []struct {
		text string
		one  float64
		want float64
	}{
		{"100\n", 100, 1}, {"1\n", 100, 0.01}, {"10000\n", 100, 100}, {"0\n", 100, 3. / 1024}, {"1024\n", 1024, 1}, {"512", 1024, 0.5}, {"262144\n", 1024, 256},
	} {
		if got, ok := parseWeight([]byte(c.text), c.one); !ok || got != c.want {
			t.Errorf("%q of %v: got %v, %v, want %v", c.text, c.one, got, ok, c.want)
		}
	}
	for _, text := range []string{"", "-1", "x", "1.5", "99999999999", "default 100"} {
		if got, ok := parseWeight([]byte(text), 100); ok {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestAQuotaIsABudgetInAPeriod(t *testing.T) {
	for text, want := range map[string]scenario.Quota{
		"max 100000\n":     {},
		"-1\n 100000\n":    {},
		"50000 100000\n":   {Cores: 0.5, Period: 100 * ms},
		"400000\n 20000\n": {Cores: 20, Period: 20 * ms},
	} {
		if got, ok := parseMax([]byte(text)); !ok || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "max", "50000", "50000 0", "0 100000", "x 100000", "50000 x", "-2 100000", "max 100000 5"} {
		if got, ok := parseMax([]byte(text)); ok {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func TestTheNewestNumberIsTheLastOfTheLoadAverage(t *testing.T) {
	if got, ok := parseNewest([]byte("0.85 1.33 0.85 3/112 20217\n")); !ok || got != 20217 {
		t.Errorf("got %d, %v", got, ok)
	}
	for _, text := range []string{"", "0.85 1.33 0.85 3/112", "0.85 1.33 0.85 3/112 0", "0.85 1.33 0.85 3/112 x"} {
		if got, ok := parseNewest([]byte(text)); ok {
			t.Errorf("%q: got %d", text, got)
		}
	}
	if got := parsePIDs([]byte("3 4 15  x -2 16\n")); !slices.Equal(got, []int{3, 4, 15, 16}) {
		t.Errorf("got %v", got)
	}
}

func FuzzSchedstat(f *testing.F) {
	f.Add([]byte("193233799 14405800 434\n"))
	f.Add([]byte("0 0 0"))
	f.Fuzz(func(t *testing.T, text []byte) {
		on, delay, ok := parseSchedstat(text)
		if on < 0 || delay < 0 {
			t.Errorf("%v and %v", on, delay)
		}
		if !ok {
			return
		}
		again, delayAgain, ok := parseSchedstat(fmt.Appendf(nil, "%d %d 1\n", on, delay))
		if !ok || again != on || delayAgain != delay {
			t.Errorf("%v and %v became %v and %v", on, delay, again, delayAgain)
		}
	})
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(stat2))
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, ok := parseStat(text); ok && (m.busy < 0 || m.stolen < 0 || m.cpus < 1) {
			t.Errorf("got %+v", m)
		}
	})
}

func FuzzAutogroup(f *testing.F) {
	f.Add([]byte("/autogroup-230 nice 0\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if g, ok := parseAutogroup(text); ok && (!g.Session() || !(g.Weight > 0.01 && g.Weight < 100)) {
			t.Errorf("got %+v", g)
		}
	})
}

func FuzzCgroup(f *testing.F) {
	f.Add([]byte("1:cpu:/share\n0::/unified\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, v2 bool) {
		h := &hierarchy{Hierarchy: workers.Hierarchy{V2: v2}}
		for _, g := range h.read(parseCgroup(text, v2)).groups {
			if g.Name == "" || g.Weight != 1 {
				t.Errorf("got %+v", g)
			}
		}
	})
}

func FuzzParent(f *testing.F) {
	f.Add([]byte("77 (a) R 5 (b) (c) S 42 77"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if pid, ok := parseParent(text); ok && pid < 0 {
			t.Errorf("got %d", pid)
		}
		parseNewest(text)
		for _, pid := range parsePIDs(text) {
			if pid <= 0 {
				t.Errorf("got %d", pid)
			}
		}
	})
}

func FuzzGroupFiles(f *testing.F) {
	f.Add([]byte("50000 100000\n"))
	f.Add([]byte("1024\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if w, ok := parseWeight(text, 100); ok && !(w > 0 && !math.IsInf(w, 0)) {
			t.Errorf("weight %v", w)
		}
		q, ok := parseMax(text)
		if ok && (q.Cores < 0 || math.IsInf(q.Cores, 0) || q.Cores > 0 && q.Period < time.Microsecond) {
			t.Errorf("quota %+v", q)
		}
	})
}
