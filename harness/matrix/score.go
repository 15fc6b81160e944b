package matrix

import "math"

// A Score is a confusion matrix: of the cases of each truth, how many were called
// what.
type Score struct {
	Code, Env Row
}

// A Row is the cases of one truth.
type Row struct{ Right, Wrong, Abstained int }

func (r Row) n() int { return r.Right + r.Wrong + r.Abstained }

func (s *Score) add(truth Truth, called Class) {
	row, right := &s.Code, CalledCode
	if truth == Environment {
		row, right = &s.Env, CalledEnv
	}
	switch called {
	case right:
		row.Right++
	case Abstains:
		row.Abstained++
	default:
		row.Wrong++
	}
}

// N is how many cases there are.
func (s Score) N() int { return s.Code.n() + s.Env.n() }

// Dismissed is how many failures of the code were called the environment's.
func (s Score) Dismissed() int { return s.Code.Wrong }

// Accused is how many failures of the environment were called the code's.
func (s Score) Accused() int { return s.Env.Wrong }

// Abstained is how many were called neither.
func (s Score) Abstained() int { return s.Code.Abstained + s.Env.Abstained }

// errs says whether any was called otherwise.
func (s Score) errs() bool { return s.Dismissed()+s.Accused()+s.Abstained() > 0 }

// A Share is so many of so many.
type Share struct{ Of, N int }

// Value is the share; NaN of none.
func (s Share) Value() float64 { return float64(s.Of) / float64(s.N) }

// Wilson is the interval in which the share lies with 95 % confidence.
func (s Share) Wilson() (low, high float64) {
	if s.N == 0 {
		return 0, 1
	}
	const z = 1.959964
	n, p := float64(s.N), s.Value()
	mid := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, mid-half), min(1, mid+half)
}

// Precision and Recall are of the class of the code, or of the environment. An
// abstention is no call, and counts as a miss.
func (s Score) Precision(code bool) Share {
	if code {
		return Share{s.Code.Right, s.Code.Right + s.Env.Wrong}
	}
	return Share{s.Env.Right, s.Env.Right + s.Code.Wrong}
}

// Recall is how many of those of a class were called that.
func (s Score) Recall(code bool) Share {
	if code {
		return Share{s.Code.Right, s.Code.n()}
	}
	return Share{s.Env.Right, s.Env.n()}
}

// MacroF1 is the mean of both classes' F1; 0 for a class that nothing is called.
func (s Score) MacroF1() float64 {
	sum := 0.
	for _, code := range []bool{true, false} {
		if p, r := s.Precision(code), s.Recall(code); p.Of > 0 {
			sum += 2 * p.Value() * r.Value() / (p.Value() + r.Value())
		}
	}
	return sum / 2
}

// MacroF1Interval is what the macro-F1 can be if precisions and recalls are at the
// lower, or at the upper ends of their intervals.
func (s Score) MacroF1Interval() (low, high float64) {
	f1 := func(p, r float64) float64 {
		if p+r == 0 {
			return 0
		}
		return 2 * p * r / (p + r)
	}
	for _, code := range []bool{true, false} {
		pl, ph := s.Precision(code).Wilson()
		rl, rh := s.Recall(code).Wilson()
		low, high = low+f1(pl, rl)/2, high+f1(ph, rh)/2
	}
	return low, high
}
