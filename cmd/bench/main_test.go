//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEachFigureHasItsBenchmark(t *testing.T) {
	for _, r := range rooms() {
		files, err := filepath.Glob(filepath.Join("../..", r.path, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no tests: %v", r.path, err)
		}
		var all strings.Builder
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		for _, name := range r.names {
			_, rest, found := strings.Cut(all.String(), "\nfunc Benchmark"+name+"(b *testing.B)")
			if !found {
				t.Errorf("%s has no Benchmark%s", r.path, name)
			}
			body, _, _ := strings.Cut(rest, "\n}\n")
			for _, f := range figures {
				for _, of := range []bench{f.of, f.beside} {
					asked, sub, whole := strings.Cut(of.name, "/")
					if of.room == r.path && asked == name && whole != strings.Contains(body, "b.Run(") {
						t.Errorf("Benchmark%s: %q is asked for: has it parts?", name, sub)
					}
				}
			}
		}
	}
}

const said = `goos: linux
pkg: somewhere
BenchmarkEcho64B/process-2         	   90000	     13000 ns/op	       412 B/op	        77000 calls/s
BenchmarkEcho64B/container/socket-2	   60000	     26000 ns/op	        38500 calls/s
BenchmarkNoProcessors 	 10 	 5 ns/op
--- BENCH: BenchmarkEcho64B
    some_test.go:1: words of a benchmark
PASS
ok  	somewhere	3.1s
`

func TestResultsAreRead(t *testing.T) {
	s := samples{}
	for range 2 {
		if err := s.read(ports, strings.NewReader(said)); err != nil {
			t.Fatal(err)
		}
	}
	for of, want := range map[bench]float64{
		{ports, "Echo64B/process", "ns/op"}:            13000,
		{ports, "Echo64B/process", "calls/s"}:          77000,
		{ports, "Echo64B/container/socket", "calls/s"}: 38500,
		{ports, "NoProcessors", "ns/op"}:               5,
	} {
		if got := s[of]; len(got) != 2 || got[0] != want || got[1] != want {
			t.Errorf("%v: %v, want %v twice", of, got, want)
		}
	}
	if err := s.read(ports, strings.NewReader("BenchmarkX-2 1 many ns/op\n")); err == nil || !strings.Contains(err.Error(), "X") {
		t.Errorf("of a value that is none: %v", err)
	}
}

func TestTheTableHasMedianLeastAndMost(t *testing.T) {
	s := samples{
		{ports, "Echo64B/process", "calls/s"}:          {10_000, 40_000, 20_000},
		{ports, "Echo64B/container/socket", "calls/s"}: {5_000, 10_000, 8_000},
	}
	text := string(table(s, 3, 90*time.Second))
	for _, want := range []string{
		"in 3 rounds, in 2 minutes",
		"| a call of 64 bytes to a plain process | 20,000 (10,000–40,000) calls/s |  |  |",
		"| 8,000 (5,000–10,000) calls/s | 0.40 (0.25–0.50) × a plain process | ≥ 7,000 |",
		"| a start of a container | not measured |  |  |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestFiguresHaveUnitsThatPeopleRead(t *testing.T) {
	for unit, want := range map[string]string{"calls/s": "2.50 (2.00–3.00) calls/s", "two-runs/s": "2.50 (2.00–3.00) runs/s", "x-real": "2.50 (2.00–3.00)", "%core": "2.50 (2.00–3.00) %", "ns/op": "2.50 (2.00–3.00) ns"} {
		if got := shown([]float64{3, 2}, unit); got != want {
			t.Errorf("%s: %s, want %s", unit, got, want)
		}
	}
	if got := shown([]float64{3e6, 2e6}, "ns/op"); got != "2.50 (2.00–3.00) ms" {
		t.Error(got)
	}
}

func TestFiguresHaveThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{0.4567: "0.46", 12.34: "12.3", 123.4: "123", 999.6: "1,000", 1234: "1,234", 7_654_321: "7,654,321"} {
		if got := digits(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
