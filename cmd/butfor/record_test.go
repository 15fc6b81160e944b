package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/internal/page"
)

func TestTheTrackRecordOfTheReadmeHasEveryFinding(t *testing.T) {
	record, err := page.Read("../../README.md", trackRecord)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings.All() {
		if !strings.Contains(string(record), "| `"+f.ID+"` |") {
			t.Errorf("%s is not in it: run make record", f.ID)
		}
	}
	if strings.Contains(string(record), "**") {
		t.Error("it has findings that came out otherwise than expected")
	}
	if _, err := page.Read("../../docs/claims.md", claimsPage); err != nil {
		t.Error(err)
	}
}

// differs is what of a page hangs on the run that it was written by: the commit, how
// many seeds were tried, and how long one took.
var differs = regexp.MustCompile(`(?im)at commit \S+,|(\d+) of (\d+) \| \S+ \|$`)

// ofAnyRun is a page without that; of the seeds it says whether they all came out as claimed.
func ofAnyRun(text []byte) string {
	return differs.ReplaceAllStringFunc(string(text), func(what string) string {
		if all := differs.FindStringSubmatch(what); all[1] != all[2] {
			return what
		}
		return ""
	})
}

func TestTheCatalogueIsWrittenDownAsItCameOut(t *testing.T) {
	if testing.Short() {
		t.Skip("plays the whole catalogue, twice")
	}
	if _, missing := unmodelled(); missing != nil {
		t.Skip(missing)
	}
	dir := t.TempDir()
	readme, claims := filepath.Join(dir, "readme.md"), filepath.Join(dir, "claims.md")
	for path, from := range map[string]string{readme: "../../README.md", claims: "../../docs/claims.md"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(path, text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := butfor(t, "record", "--seeds", "2", "--readme", readme, "--claims", claims)
	record, err := page.Read(readme, trackRecord)
	if s.status != 0 || err != nil || !strings.Contains(s.stdout, string(record)) || !strings.Contains(string(record), "2 of 2") || strings.Contains(string(record), "1 of 2 |") {
		t.Errorf("status %d, %v: %s\n%s", s.status, err, record, s.stderr)
	}
	if page, err := page.Read(claims, claimsPage); err != nil || !strings.Contains(string(page), "“Ship it!” | refuted") {
		t.Errorf("%v: %s", err, page)
	}
	// What the project's own pages say came out so, and nobody wrote it by hand.
	for path, part := range map[string]string{"README.md": trackRecord, "docs/claims.md": claimsPage} {
		is, err := page.Read(filepath.Join("../..", path), part)
		if err != nil {
			t.Fatal(err)
		}
		made, err := page.Read(map[string]string{trackRecord: readme, claimsPage: claims}[part], part)
		if err != nil {
			t.Fatal(err)
		}
		was, now := strings.Split(ofAnyRun(is), "\n"), strings.Split(ofAnyRun(made), "\n")
		for i := range max(len(was), len(now)) {
			if i >= len(was) || i >= len(now) || was[i] != now[i] {
				t.Errorf("%s says otherwise than what comes out, in line %d of the part: run make record", path, i+1)
				break
			}
		}
	}
	for _, wrong := range [][]string{{"--seeds", "0"}, {"--readme", filepath.Join(dir, "none")}, {"--claims", readme}} {
		if s := butfor(t, append([]string{"record"}, wrong...)...); s.status != 2 || !strings.Contains(s.stderr, wrong[0]) {
			t.Errorf("%q: status %d: %s", wrong, s.status, s.stderr)
		}
	}
}
