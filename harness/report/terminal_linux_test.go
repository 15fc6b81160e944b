package report

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestATerminalHasItsWidthAndColourUnlessNobodyWantsIt(t *testing.T) {
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal can be had: ", err)
	}
	defer f.Close()
	for _, c := range []struct {
		columns       int
		noColor, term string
		want          Terminal
	}{
		{90, "", "xterm", Terminal{90, true}},
		{90, "1", "xterm", Terminal{90, false}},
		{90, "", "dumb", Terminal{90, false}},
		{40, "", "xterm", Terminal{60, true}},
	} {
		if err := unix.IoctlSetWinsize(int(f.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: uint16(c.columns)}); err != nil {
			t.Skip("no terminal can be had: ", err)
		}
		t.Setenv("NO_COLOR", c.noColor)
		t.Setenv("TERM", c.term)
		t.Setenv("COLUMNS", "200") // of another terminal
		if got := TerminalOf(f); got != c.want {
			t.Errorf("%d columns, NO_COLOR=%s, TERM=%s: %+v, want %+v", c.columns, c.noColor, c.term, got, c.want)
		}
	}
}
