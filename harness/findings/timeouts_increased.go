package findings

var timeoutsIncreased = Finding{
	ID:     "timeouts-increased",
	Claim:  "timeouts increased for slow Python startup",
	Source: conclusion + ", implementation status",
	Truth:  "refuted: a lost request is as lost after 60 boots as after 5",
	Kind:   "verdict",
	Worlds: []string{"process"},
	Cases: func(u Unit) (cases []Case) {
		for _, boots := range []float64{5, 15, 30, 60} {
			cases = append(cases, coldCases(u, boots, false)...)
		}
		return cases
	},
}
