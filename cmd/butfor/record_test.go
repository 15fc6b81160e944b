package main

import (
	"os"
	"path/filepath"
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

func TestTheCatalogueIsWrittenDownAsItCameOut(t *testing.T) {
	if testing.Short() {
		t.Skip("plays the whole catalogue, twice")
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
	for _, wrong := range [][]string{{"--seeds", "0"}, {"--readme", filepath.Join(dir, "none")}, {"--claims", readme}} {
		if s := butfor(t, append([]string{"record"}, wrong...)...); s.status != 2 || !strings.Contains(s.stderr, wrong[0]) {
			t.Errorf("%q: status %d: %s", wrong, s.status, s.stderr)
		}
	}
}
