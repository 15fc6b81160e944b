//go:build linux

package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// A Process is one that a census found.
type Process struct {
	PID     int
	State   byte // as in /proc/<pid>/stat: R, S, T, Z …
	Command string
}

func (p Process) String() string { return fmt.Sprintf("%d (%c) %s", p.PID, p.State, p.Command) }

// Mark is what the environment of processes contains that a program with that
// token started, and of their offspring; with run not empty, only of launchers
// with that Run.
func Mark(token, run string) string {
	mark := TokenVariable + "=" + token + "/"
	if run != "" {
		mark += run + "/"
	}
	return mark
}

// Census lists the living processes that a program with that token started,
// and their offspring, wherever they were reparented to; with run not empty,
// only those of launchers with that Run. A zombie has no environment any more
// and does not count.
func Census(token, run string) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("census: %w", err)
	}
	mark := []byte(Mark(token, run))
	var left []Process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		env, err := os.ReadFile("/proc/" + e.Name() + "/environ")
		if err != nil || !bytes.Contains(env, mark) {
			continue
		}
		p := Process{PID: pid, State: '?'}
		if stat, err := os.ReadFile("/proc/" + e.Name() + "/stat"); err == nil {
			if i := bytes.LastIndex(stat, []byte(") ")); i >= 0 && i+2 < len(stat) {
				p.State = stat[i+2]
			}
		}
		cmdline, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		p.Command = strings.TrimSpace(string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
		left = append(left, p)
	}
	return left, nil
}
