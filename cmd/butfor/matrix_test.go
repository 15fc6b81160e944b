package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/matrix"
	"github.com/butfor/butfor/harness/mutant"
)

func TestFoldersOfProgramsThatWereKilledAreRemoved(t *testing.T) {
	below := t.TempDir()
	folderOf := func(name string, age time.Duration) string {
		dir := filepath.Join(below, name)
		if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	killed, young, others := folderOf("ours-1", time.Hour), folderOf("ours-2", 0), folderOf("theirs-1", time.Hour)
	there := func(dir string) bool {
		_, err := os.Stat(dir)
		return err == nil
	}
	dir, end, err := ownFolder(below, "ours-")
	if err != nil {
		t.Fatal(err)
	}
	if there(killed) || !there(young) || !there(others) || !there(dir) {
		t.Errorf("killed %v, young %v, others %v, own %v; want the first removed alone", there(killed), there(young), there(others), there(dir))
	}
	if err := os.Chtimes(dir, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	_, endSecond, err := ownFolder(below, "ours-")
	if err != nil {
		t.Fatal(err)
	}
	if !there(dir) {
		t.Error("the folder of one that still runs was removed")
	}
	endSecond()
	end()
	if there(dir) {
		t.Error("its own folder is left")
	}
}

// A new mutant can't be forgotten: it is a file in a folder, and says of itself why it is
// in no row if it is in none.
func TestEveryMutantIsInTheMatrixOrSaysWhyNot(t *testing.T) {
	const root = "../.."
	files, err := filepath.Glob(filepath.Join(root, mutant.Folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := mutant.All(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range togetherWithOthers(all) {
		names = append(names, m.Name)
	}
	const least = 20
	bugs := matrix.Bugs(names, "")
	in := map[string]int{}
	for _, c := range matrix.Cases(names, "", 0, 1) {
		in[c.Bug]++
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".patch")
		m, err := mutant.Find(root, name)
		if err != nil || (in[name] > 0) == (m.Alone != "") {
			t.Errorf("%s has %d cases; why it has none: %q, %v", name, in[name], m.Alone, err)
		}
	}
	slices.Sort(bugs)
	if twice := slices.Compact(slices.Clone(bugs)); len(names) < least || len(twice) != len(bugs) {
		t.Errorf("%d mutants, and of %d bugs %d names", len(names), len(bugs), len(twice))
	}
}

func TestAnInterruptedMatrixPrintsTheTableOfWhatWasPlayed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the mutants")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := in(ctx, t, func(line string) {
		if strings.HasPrefix(line, "200/2000 ") { // far from the end, however late this is read
			cancel()
		}
	}, "matrix", "--seeds", "1", "--cases", "2000", "--out", t.TempDir())
	if s.status != 130 || !strings.Contains(s.stderr, "of 2000 cases") || !strings.Contains(s.stderr, "the same command with --resume goes on") || !strings.HasPrefix(s.stdout, "In the virtual world ") || strings.Contains(s.stdout, "world 2000 cases") {
		t.Errorf("status %d, stdout %q, stderr %q", s.status, s.stdout, s.stderr)
	}
	nothingRuns(t)
}

func TestAMatrixThatWasStoppedIsGoneOnWithAndGivesTheSameTable(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the mutants")
	}
	const cases, before = 200, 77
	dir := t.TempDir()
	args := append([]string{"matrix", "--seeds", "1", "--cases", fmt.Sprint(cases), "--out"}, dir)
	file := filepath.Join(dir, "matrix.jsonl")
	once := butfor(t, args...)
	lines := strings.SplitAfter(text(t, file), "\n")
	if plan := lines[0]; !regexp.MustCompile(`^{"program":"[0-9a-f]{64}","world":"virtual",.*}\n$`).MatchString(plan) || len(lines) != 1+cases+1 {
		t.Fatalf("status %d, stderr %q; %d lines, the plan is %s", once.status, once.stderr, len(lines), plan)
	}
	put(t, file, strings.Join(lines[:1+before], "")+lines[1+before][:20]) // as one that was killed has it

	for flag, want := range map[string]string{"--json": "--resume goes on", "--resume --tenth": fmt.Sprintf("--cases %d", cases)} {
		if s := butfor(t, append(args, strings.Fields(flag)...)...); s.status != exitUsage || !strings.Contains(s.stderr, "--out: "+file) || !strings.Contains(s.stderr, want) {
			t.Errorf("%s: status %d, stderr %q", flag, s.status, s.stderr)
		}
	}
	there := text(t, file)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it gets no further than to the building
	stopped := in(ctx, t, nil, append(args, "--resume")...)
	if stopped.status != 130 || !strings.Contains(stopped.stderr, fmt.Sprintf("%d cases are in %s still: the same command goes on", before, file)) || text(t, file) != there {
		t.Errorf("status %d, stderr %q", stopped.status, stopped.stderr)
	}
	s := butfor(t, append(args, "--resume", "--json")...)
	_, saved, _ := strings.Cut(text(t, file), "\n")
	if s.status != once.status || !strings.Contains(s.stderr, fmt.Sprintf("%d of %d cases are in %s", before, cases, file)) || strings.Count(saved, "\n") != cases || !strings.HasPrefix(s.stdout, saved) {
		t.Errorf("status %d, %d lines saved, %d printed, stderr %q", s.status, strings.Count(saved, "\n"), strings.Count(s.stdout, "\n"), s.stderr)
	}
	again := butfor(t, append(args, "--resume")...)
	seconds := regexp.MustCompile(`were played in \d+ s|A run took, with its judgement, .* s at most`)
	if one, other := seconds.ReplaceAllString(once.stdout, ""), seconds.ReplaceAllString(again.stdout, ""); one != other || !strings.HasPrefix(one, fmt.Sprintf("In the virtual world %d cases ", cases)) {
		t.Errorf("in one go %q, with a stop %q", once.stdout, again.stdout)
	}
	nothingRuns(t)
}

func text(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whoever writes a new table has to say in the README what it says.
func TestTheReadmeTellsTheErrorsOfTheTable(t *testing.T) {
	verdicts, err := os.ReadFile("../../docs/verdict.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := func(who string, table int) (counts []int) { // the first is of the virtual world
		all := regexp.MustCompile(`(?m)^\| `+who+` \| (\d+) · \*\*(\d+)\*\* · (\d+) \| (\d+) · (\d+) · (\d+) \|`).FindAllSubmatch(verdicts, -1)
		if len(all) <= table {
			t.Fatalf("table %d has no row of %s", table, who)
		}
		for _, text := range all[table][1:] {
			n, _ := strconv.Atoi(string(text)) // digits alone
			counts = append(counts, n)
		}
		return counts
	}
	thousands := func(n int) string {
		text := strconv.Itoa(n)
		if len(text) > 3 {
			text = text[:len(text)-3] + "," + text[len(text)-3:]
		}
		return text
	}
	none := func(n int) string {
		if n == 0 {
			return "none"
		}
		return thousands(n)
	}
	tells := func(want string) {
		t.Helper()
		if !strings.Contains(strings.Join(strings.Fields(string(readme)), " "), want) {
			t.Errorf("the README does not say: %s", want)
		}
	}
	ours, rerun, processes := row("butfor", 0), row("rerun-and-see", 0), row("butfor", 1)
	tells(fmt.Sprintf("of %s failures of the code %s was dismissed as environmental, and %s were left undecided; of %s failures of the environment %s were put down to the code, and %s left undecided. To rerun and see dismisses %s of the former.",
		thousands(ours[0]+ours[1]+ours[2]), none(ours[1]), thousands(ours[2]), thousands(ours[3]+ours[4]+ours[5]), thousands(ours[4]), thousands(ours[5]), thousands(rerun[1])))
	tells(fmt.Sprintf("On real Python workers %s of %s was dismissed, and %s left undecided; of %s failures of the environment %s put down to the code, and %s left undecided.",
		none(processes[1]), thousands(processes[0]+processes[1]+processes[2]), none(processes[2]), thousands(processes[3]+processes[4]+processes[5]), none(processes[4]), none(processes[5])))
}
