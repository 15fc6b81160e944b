// Package pool hands Python workers to callers.
//
//	p, err := pool.New(ctx, &process.Launcher{}, pool.Config{Size: 4})
//	reply, err := p.Call(ctx, "echo", map[string]any{"text": "hi"})
//	err = p.Close(ctx)
//
// There is no coordinator: the state stands under one short lock, and nothing
// slow is done while it is held. Callers wait in line, first come first
// served, for whichever worker is free first, and never on a start that they
// caused. Starts run on their own. A worker in doubt (a call timed out, a
// reply had the wrong id, it said more than it was asked) is replaced, never
// reused. A slot stays taken until
// the old process is really gone, so there are never more than Size+Overflow
// alive.
//
// Calls that belong together make a Session: what a worker holds of it no other
// session sees, its end reaches the worker, and one whose worker is gone says
// ErrSessionLost until it is ended.
//
// The package knows ports and launchers, not how processes or containers are
// started, and nothing of the harness that puts pools on trial.
package pool
