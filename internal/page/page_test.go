package page

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAPartOfAPageIsReplacedAndTheRestStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	begin, end := marks("the table")
	page := "before\n" + begin + "\n\nthe former one\n\n" + end + "\nafter\n"
	if err := os.WriteFile(path, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it can be done again
		if err := Write(path, "the table", []byte("the new one\n")); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if want := "before\n" + begin + "\n\nthe new one\n\n" + end + "\nafter\n"; err != nil || string(got) != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	if text, err := Read(path, "the table"); err != nil || string(text) != "the new one" {
		t.Errorf("read %q, %v", text, err)
	}
	if err := Write(path, "another", nil); err == nil {
		t.Error("a part that there is not was written")
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), "the table"); err == nil {
		t.Error("a page that there is not was read")
	}
}
