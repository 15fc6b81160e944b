//go:build linux

// Command bench measures the figures that butfor is held to, and writes them into a
// page. It runs the benchmarks in rounds, so that each has the machine in each of its
// moods, and what is compared was measured in the same round.
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/butfor/butfor/internal/page"
)

func main() {
	rounds := flag.Int("rounds", 6, "how often each is measured")
	path := flag.String("page", "docs/benchmarks.md", "the page that the table is written into")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := measure(ctx, *rounds, *path)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "written:", *path)
}

func measure(ctx context.Context, rounds int, path string) error {
	if rounds < 1 {
		return fmt.Errorf("-rounds: %d, and at least one is needed", rounds)
	}
	if _, err := page.Read(path, part); err != nil { // before the minutes that it takes
		return err
	}
	begin := time.Now()
	measured := samples{}
	for i := range rounds {
		for _, r := range rooms() {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", i+1, rounds, r.path)
			out, err := r.run(ctx)
			if err == nil {
				err = measured.read(r.path, bytes.NewReader(out))
			}
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", r.path, err, out)
			}
		}
	}
	for _, f := range figures {
		if len(measured[f.of]) == 0 && f.of.room != ports { // those may want an engine
			return fmt.Errorf("%s: Benchmark%s says no %s", f.of.room, f.of.name, f.of.unit)
		}
	}
	return page.Write(path, part, table(measured, rounds, time.Since(begin)))
}

const part = "the figures, by make bench-page"

// A room's benchmarks that are asked for.
type room struct {
	path  string
	names []string // before the first slash
}

// rooms are those of all figures, in their order.
func rooms() (all []room) {
	add := func(of bench) {
		if of.name == "" {
			return
		}
		i := slices.IndexFunc(all, func(r room) bool { return r.path == of.room })
		if i < 0 {
			i, all = len(all), append(all, room{path: of.room})
		}
		name, _, _ := strings.Cut(of.name, "/")
		if !slices.Contains(all[i].names, name) {
			all[i].names = append(all[i].names, name)
		}
	}
	for _, f := range figures {
		add(f.of)
		add(f.beside)
	}
	return all
}

// run gives what its benchmarks say. It is interrupted as by a key, so that no
// worker of theirs is left.
func (r room) run(ctx context.Context) ([]byte, error) {
	c := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^Benchmark("+strings.Join(r.names, "|")+")$", r.path)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }
	c.WaitDelay = time.Minute
	out, err := c.CombinedOutput()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return out, err
}

// samples has what was measured, a value for each round, by room, benchmark and unit.
type samples map[bench][]float64

// read takes a room's results as `go test -bench` prints them: a line each, of its name,
// how often it ran, and pairs of value and unit. There is a library for it, whose own
// dependencies are too many for whoever imports the pool.
func (s samples) read(room string, text io.Reader) error {
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || len(f)%2 != 0 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if at := strings.LastIndexByte(name, '-'); at > 0 { // on so many processors
			if _, err := strconv.Atoi(name[at+1:]); err == nil {
				name = name[:at]
			}
		}
		for i := 2; i < len(f); i += 2 {
			v, err := strconv.ParseFloat(f[i], 64)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			of := bench{room, name, f[i+1]}
			s[of] = append(s[of], v)
		}
	}
	return lines.Err()
}

// table is the part of the page. A figure that was not measured, as for want of an
// engine, says so.
func table(s samples, rounds int, took time.Duration) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Measured on %d cores, %s, in %d rounds, in %.0f minutes. A figure is the median of the rounds, with the least and the most.\n\n",
		runtime.NumCPU(), runtime.Version(), rounds, took.Minutes())
	b.WriteString("| what | figure | beside what stands there | asked for |\n| --- | --- | --- | --- |\n")
	for _, f := range figures {
		own, beside := s[f.of], s[f.beside]
		said := "not measured"
		if len(own) > 0 {
			said = shown(own, f.of.unit)
		}
		ratio := ""
		if f.beside.name != "" && len(own) == len(beside) && len(own) > 0 {
			quotients := make([]float64, len(own))
			for i := range own {
				quotients[i] = own[i] / beside[i]
			}
			ratio = spread(quotients) + " × " + f.named
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", f.what, said, ratio, f.asked)
	}
	return b.Bytes()
}

// shown is a figure with its unit as people have it.
func shown(values []float64, unit string) string {
	const ms = 1e6 // in ns
	if _, rate, ok := strings.Cut(unit, "-"); ok && strings.HasSuffix(rate, "/s") {
		unit = rate // whose it is says the row
	}
	switch unit {
	case "x-real":
		return spread(values)
	case "%core":
		unit = "%"
	case "ns/op":
		unit = "ns"
		if slices.Min(values) >= ms {
			values, unit = slices.Clone(values), "ms"
			for i := range values {
				values[i] /= ms
			}
		}
	}
	return spread(values) + " " + unit
}

// spread is the median, and in brackets the least and the most.
func spread(values []float64) string {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return fmt.Sprintf("%s (%s–%s)", digits((v[(n-1)/2]+v[n/2])/2), digits(v[0]), digits(v[n-1]))
}

// digits has three of them that count, and a comma at each thousand.
func digits(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%d,%03d,%03d", int(v)/1e6, int(v)/1e3%1e3, int(v)%1e3)
	case v >= 999.5:
		return fmt.Sprintf("%d,%03d", int(v+.5)/1000, int(v+.5)%1000)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
