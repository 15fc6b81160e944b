package report

import (
	"fmt"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// epilogue tells of the probes and the close.
func (s *story) epilogue(events []scenario.Event) {
	var probing, closing time.Duration
	launched := 0
	for _, e := range events {
		switch e.Kind {
		case scenario.Probing:
			probing = e.At
		case scenario.Launch:
			launched++
		case scenario.Probed:
			s.begin(probing)
			s.alone(s.probed(e, e.At-probing, launched))
		case scenario.Close:
			closing = e.At
		case scenario.Closed:
			s.begin(closing)
			s.alone(closed(e.At-closing, e.Err))
		case scenario.Left:
			if n := len(s.told); n == 0 || s.told[n-1].at != e.At {
				s.begin(e.At)
			}
			s.alone("left behind: " + e.Text)
		}
	}
}

// probed says what the probes of the capacity showed.
func (s *story) probed(e scenario.Event, took time.Duration, launched int) string {
	text := fmt.Sprintf("all calls are over; probes hold %d of %s at once", e.N, counted(s.record.Size, "worker"))
	if launched > 0 {
		text += fmt.Sprintf(", %d of them newly launched", launched)
	}
	if took >= sameInstant {
		text += ", within " + span(took)
	}
	return text
}

func closed(took time.Duration, err string) string {
	text := "the pool closes"
	if took >= sameInstant {
		text += ", which takes " + span(took)
	}
	if err != "" {
		text += ", and fails: " + Rounded(err)
	}
	return text
}
