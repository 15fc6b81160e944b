//go:build linux

package verdict_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the README shows of tests is what is run here, to the letter.
func TestTheReadmeShowsCodeThatRuns(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## In your own tests\n")
	section, _, _ = strings.Cut(section, "\n## ")
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var run strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		run.Write(text)
	}
	shown := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(shown) != 3 {
		t.Fatalf("it shows %d pieces of code, want 3", len(shown))
	}
	for _, code := range shown {
		if !strings.Contains(run.String(), code[1]) {
			t.Errorf("this is nowhere to be found in here:\n%s", code[1])
		}
	}
}
