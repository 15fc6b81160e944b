//go:build linux

package main

// A bench is one value of a benchmark.
type bench struct{ room, name, unit string }

// A figure is something that butfor is held to, or that a reader wants to know before
// he uses it.
type figure struct {
	what   string
	of     bench
	beside bench  // what it is compared with, in the same round; may be none
	named  string // what that is
	asked  string // what it has to be; "" if nothing is asked
}

const (
	points  = "./internal/point"
	pool    = "./pool"
	frames  = "./worker/wire"
	ports   = "./worker/container"
	play    = "./harness"
	outside = "./harness/world/outside"
)

var (
	channel      = bench{pool, "Checkout/channel/alone", "ns/op"}
	channelTight = bench{pool, "Checkout/channel/64-callers", "ns/op"}
	processCalls = bench{ports, "Echo64B/process", "calls/s"}
	processStart = bench{ports, "Start/process", "ns/op"}
)

// figures are in the order of the page.
var figures = []figure{
	{"the pool: check-out and check-in, nobody else there", bench{pool, "Checkout/ours/alone", "ns/op"}, channel, "a channel of tokens", ""},
	{"the same, 64 callers for 4 workers", bench{pool, "Checkout/ours/64-callers", "ns/op"}, channelTight, "a channel of tokens", ""},
	{"a scheduling point in a locked section, without its build tag", bench{points, "Section/point", "ns/op"}, bench{points, "Section/plain", "ns/op"}, "the section without", "no cost"},
	{"wire: a request with 64 bytes of arguments encoded", bench{frames, "AppendRequest64B/wire", "ns/op"}, bench{frames, "AppendRequest64B/encoding-json", "ns/op"}, "encoding/json", ""},
	{"a call of 64 bytes to a plain process", processCalls, bench{}, "", ""},
	{"the same in a container, over its socket", bench{ports, "Echo64B/container/socket", "calls/s"}, processCalls, "a plain process", "≥ 7,000"},
	{"the same in a container, over its stdin and stdout", bench{ports, "Echo64B/container/stdio", "calls/s"}, processCalls, "a plain process", ""},
	{"the same, exec'd in a container that others share, over a socket", bench{ports, "Echo64B/box/socket", "calls/s"}, processCalls, "a plain process", ""},
	{"a start of a plain process, to its hello", processStart, bench{}, "", ""},
	{"a start of a container", bench{ports, "Start/container", "ns/op"}, processStart, "a plain process", ""},
	{"a start exec'd in a container that others share", bench{ports, "Start/box", "ns/op"}, processStart, "a plain process", ""},
	{"virtual world, one core: calls of whole scenarios, two starts at once", bench{play, "Calls/two-starts", "calls/s"}, bench{play, "Calls/two-starts", "sketch-calls/s"}, "the first sketch of it, turn about", "≥ 1.5 ×"},
	{"the same, starts adapt", bench{play, "Calls/adapts", "calls/s"}, bench{play, "Calls/adapts", "sketch-calls/s"}, "the first sketch of it, turn about", "≥ 1.5 ×"},
	{"races of 3 clients for 1 worker, each in an order of its own, one core", bench{play, "ControlledRace", "runs/s"}, bench{}, "", "≥ 4,000"},
	{"virtual seconds of `serial-start` in a second of CPU", bench{play, "SerialStart", "x-real"}, bench{}, "", "≥ 1,000"},
	{"a search over seeds by two child processes", bench{play, "Fleet", "two-runs/s"}, bench{play, "Fleet", "one-runs/s"}, "one child, turn about", "≥ 1.7 ×"},
	{"the recorder of load from outside, percent of a core", bench{outside, "Look", "%core"}, bench{}, "", "≤ 1"},
}
