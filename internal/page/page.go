// Package page writes what is generated into pages that are else written by hand:
// between two marks, which stay.
package page

import (
	"bytes"
	"fmt"
	"os"
	"slices"
)

// marks are where a part of a page begins and ends.
func marks(part string) (begin, end string) {
	return fmt.Sprintf("<!-- %s: generated, do not edit -->", part), fmt.Sprintf("<!-- end of %s -->", part)
}

// Write puts text into a page, in place of what its part of that name was.
func Write(path, part string, text []byte) error {
	before, _, after, err := cut(path, part)
	if err != nil {
		return err
	}
	begin, end := marks(part)
	return os.WriteFile(path, slices.Concat(before, []byte(begin+"\n\n"), bytes.TrimSpace(text), []byte("\n\n"+end), after), 0o666)
}

// Read is what a page's part of that name is.
func Read(path, part string) ([]byte, error) {
	_, text, _, err := cut(path, part)
	return bytes.TrimSpace(text), err
}

func cut(path, part string) (before, text, after []byte, err error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, nil, err
	}
	begin, end := marks(part)
	before, rest, begins := bytes.Cut(page, []byte(begin))
	text, after, ends := bytes.Cut(rest, []byte(end))
	if !begins || !ends {
		return nil, nil, nil, fmt.Errorf("%s: it has no marks between which this part goes: %s and %s", path, begin, end)
	}
	return before, text, after, nil
}
