package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
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
