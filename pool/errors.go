package pool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

var (
	// ErrClosed: the pool is closed or closing.
	ErrClosed = errors.New("pool is closed")
	// ErrQueueFull: as many callers wait as QueueLimit allows.
	ErrQueueFull = errors.New("queue is full")
	// ErrCheckoutTimeout: no worker was free within CheckoutTimeout. It is
	// also a context.DeadlineExceeded.
	ErrCheckoutTimeout = fmt.Errorf("checkout timeout: %w", context.DeadlineExceeded)
	// ErrUnavailable: starts keep failing, and no worker lives; or some do, and
	// Warm or Ready waits for more of them.
	ErrUnavailable = errors.New("no worker can be started")
	// ErrSessionLost: the session's worker is no more, nor is what it held of it.
	ErrSessionLost = errors.New("session is lost")
	// ErrSessionEnded: the session was ended, or not used for SessionTTL.
	ErrSessionEnded = errors.New("session has ended")
	// ErrSessionLimit: there are as many sessions as SessionLimit allows.
	ErrSessionLimit = errors.New("too many sessions")
	// ErrReturned: the lease was checked in before.
	ErrReturned = errors.New("lease was checked in already")
)

// A CheckoutError says why a caller got no worker, and how the pool stood
// then. It unwraps to Err and, where starts had failed, to Start.
type CheckoutError struct {
	Pool    string
	Session string // "" if it was for none
	Waited  time.Duration
	Stat    Stat
	Start   error // why the last start failed; nil if it did not
	Err     error // one of those above, or the cause of the ctx's end
}

// Unwrap implements errors.Is and errors.As.
func (e *CheckoutError) Unwrap() []error {
	if e.Start == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Start}
}

func (e *CheckoutError) Error() string {
	var b strings.Builder
	b.WriteString("pool")
	if e.Pool != "" {
		b.WriteString(" " + e.Pool)
	}
	if e.Session != "" {
		b.WriteString(": session " + e.Session)
	}
	s := e.Stat
	fmt.Fprintf(&b, ": no worker after %v: %v (%d of %d busy, %d starting, %d ending, %d waiting)",
		e.Waited.Round(time.Microsecond), e.Err, s.Busy, s.Size, s.Starting, s.Ending, s.Waiting)
	if e.Start != nil {
		fmt.Fprintf(&b, "; last start: %v", e.Start)
	}
	return b.String()
}

// refused makes the error of a caller that got no worker; under the lock.
func (p *Pool) refused(err error, begin time.Time) *CheckoutError {
	return &CheckoutError{Pool: p.cfg.Name, Waited: time.Since(begin), Stat: p.snapshot(), Start: p.storm.reason, Err: err}
}

// of says for which session it was, if for any.
func (e *CheckoutError) of(q *Session) *CheckoutError {
	if q != nil {
		e.Session = q.id
	}
	return e
}

func (p *Pool) called() string {
	if p.cfg.Name == "" {
		return ""
	}
	return " " + p.cfg.Name
}
