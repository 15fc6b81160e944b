// Package dspex has the pools whose story butfor was built to tell, in their
// historical versions: V1, the first one; V2, which two reports called
// architecturally sound; V2-P3, with states of workers, a circuit breaker and
// retries; V2-last, with all of its fixes; and V3, which replaced it.
//
// They are written as what they were, Erlang actors: processes with a mailbox
// and selective receive, links, monitors and exit signals (process.go,
// mailbox.go), and ports that have an owner (port.go). Upon these lie
// NimblePool (nimble.go, start.go, health.go), the client's side of a call
// (client.go, session.go) and the pools themselves (v1.go, v2.go, breaker.go). V3
// does without NimblePool (v3.go).
// Most of what went wrong is not written down anywhere: it comes out of those
// rules. What is written down is a Switch, and a Version is a set of them
// (switch.go, version.go), so that each bug can be taken out, or put into another
// version, alone.
//
// "findings: deaf-start" in a comment names the row of the catalogue that a
// behaviour comes from.
package dspex
