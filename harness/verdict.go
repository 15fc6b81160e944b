package harness

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/butfor/butfor/harness/judge"
	"github.com/butfor/butfor/harness/judge/reference"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
	"github.com/butfor/butfor/harness/world/virtual"
	"github.com/butfor/butfor/worker"
)

// Judge says what a recorded run was. It is replayed for that in virtual time, so
// far as that is needed: under what it met and under that clipped to its contract,
// with its own pool and with the ideal ones. t is for tests; programs have none.
func Judge(ctx context.Context, t *testing.T, of Result) scenario.Verdict {
	v := judge.Judge(caseOf(ctx, t, of))
	v.Others = judgeOthers(ctx, t, of)
	return v
}

// judgeOthers says what the run was of each of the other pools, by itself.
func judgeOthers(ctx context.Context, t *testing.T, of Result) (all []scenario.Verdict) {
	for i := range of.Scenario.Others {
		if i < len(of.Record.Others) { // else it was never seen to end
			all = append(all, judge.Judge(caseOf(ctx, t, Result{Scenario: of.Scenario.Other(i), Record: of.Record.Others[i]})))
		}
	}
	return all
}

// JudgeAlso is Judge, and says what of the contract the pool of a sound or
// environmental run would not keep.
func JudgeAlso(ctx context.Context, t *testing.T, of Result) scenario.Verdict {
	c := caseOf(ctx, t, of)
	v := judge.Judge(c)
	v.Others = judgeOthers(ctx, t, of)
	v.Latent = latent(v.Word, c)
	return v
}

// latent is nil, too, where the run itself shows what the pool does not keep.
func latent(w scenario.Word, c judge.Case) []scenario.Latent {
	if w != scenario.Sound && w != scenario.Environmental {
		return nil
	}
	return judge.Latent(c)
}

func caseOf(ctx context.Context, t *testing.T, of Result) judge.Case {
	if of.Scenario.Contract == nil { // a bundle from before there was one
		c := Contract()
		of.Scenario.Contract = &c
	}
	s := &replays{ctx: ctx, t: t, of: of}
	if name := of.Record.Subject; of.Scenario.Subject.Open == nil { // ideal pools can be had all the same
		s.stuck = fmt.Errorf("this program knows no pool called %q", name)
		of.Scenario.Subject = subject.Subject{Name: name, Open: func(context.Context, worker.Launcher, subject.Config) (subject.Pool, error) {
			return nil, s.stuck
		}}
	}
	ideals := &family{seed: of.Scenario.Seed}
	c := judge.Case{Run: of.Record, Ideal: ideals.best, Play: s.play, Probe: s.probe, Again: s.again}
	c.Met, c.Unknown = again(of, Replaying{})
	return c
}

// A family is the reference of one case.
type family struct {
	seed   uint64 // of the run
	before judge.Ideal
	policy reference.Policy // of the one that was best before
}

// best is the best of them. Under other seeds than the run's, where it matters only
// how many calls are missed, one that misses none will do: that which was best
// before is asked first.
func (f *family) best(sc scenario.Scenario) (judge.Ideal, error) {
	if sc.Seed != f.seed && f.before.Of > 0 {
		m, err := reference.Play(sc, f.policy)
		if err == nil && m.Misses() == 0 {
			return judge.Ideal{Name: f.before.Name, Of: f.before.Of, Calls: m.Calls}, nil
		}
	}
	all, err := reference.Run(sc)
	if err != nil {
		return judge.Ideal{}, err
	}
	m := all.Best()
	f.policy, f.before = m.Policy, judge.Ideal{Name: m.String(), Of: len(all)}
	return judge.Ideal{Name: m.String(), Of: len(all), Calls: m.Calls}, nil
}

// replays are those of one run's pool. One that hangs is the last: stuck is why there
// are none.
type replays struct {
	ctx   context.Context
	t     *testing.T
	of    Result
	stuck error
}

// play plays the workload alone: what is missed in it does not hang on probes.
func (s *replays) play(sc scenario.Scenario) (*scenario.Record, error) { return s.stage(sc, false) }

func (s *replays) probe(sc scenario.Scenario) (*scenario.Record, error) {
	_, probe := s.of.Record.First(scenario.Probing)
	return s.stage(sc, probe)
}

func (s *replays) stage(sc scenario.Scenario, probe bool) (r *scenario.Record, err error) {
	err = s.bounded(func(t *testing.T) (err error) {
		r, err = stage(s.ctx, t, sc, sc.Subject, probe)
		return err
	})
	return r, err
}

func (s *replays) again(frozen bool, orders int) (c scenario.Comparison, err error) {
	err = s.bounded(func(t *testing.T) error {
		r, err := Replay(s.ctx, t, s.of, Replaying{Orders: orders, Frozen: frozen})
		c = r.Comparison
		return err
	})
	return c, err
}

// bounded has a replay made where bubbles can be had, and does not wait for one that
// hangs: a pool that has run in real time may never have met a bubble.
func (s *replays) bounded(replay func(t *testing.T) error) error {
	switch {
	case s.stuck != nil:
		return s.stuck
	case s.t == nil && testing.Testing():
		return errNoT
	}
	done := make(chan error, 1)
	play := func(t *testing.T) {
		go func() { done <- replay(t) }()
		late := time.NewTimer(replayPatience)
		defer late.Stop()
		select {
		case err := <-done:
			done <- err
		case <-late.C:
			s.stuck = fmt.Errorf("a replay stood still for %v of real time: %s", replayPatience, notOfTheRun)
			done <- s.stuck
		}
	}
	if s.t != nil {
		play(s.t)
	} else if failed := virtual.Program(play); failed != nil {
		return failed
	}
	return <-done
}

// replayPatience is how long a replay, or up to 64 of them, may take in real time.
// One takes milliseconds.
const replayPatience = 20 * time.Second

var errNoT = errors.New("a test has to bring its own t: use RunT or TryT in place of Run")
