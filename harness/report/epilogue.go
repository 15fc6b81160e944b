package report

import (
	"fmt"
	"time"

	"github.com/butfor/butfor/harness/scenario"
)

// epilogue tells of the probes and the close.
func (s *story) epilogue(events []scenario.Event) {
	var probing, closing time.Duration
	launched, over := 0, false
	late := map[string]bool{}  // calls that came as the pool closed, or later
	var ended []scenario.Event // of these before it had closed
	for _, e := range events {
		switch e.Kind {
		case scenario.Probing:
			probing = e.At
		case scenario.Launch:
			launched++
		case scenario.Probed:
			s.begin(probing)
			s.alone(s.probed(e, e.At-probing, launched))
		case scenario.Arrive:
			late[e.Call] = over
		case scenario.Return:
			switch {
			case late[e.Call] && closing > 0:
				ended = append(ended, e)
			case late[e.Call]:
				s.tooLate(e)
			}
		case scenario.Close:
			closing, over = e.At, true
		case scenario.Closed:
			s.begin(closing)
			s.alone(closed(e.At-closing, e.Err))
			for _, e := range ended {
				s.tooLate(e)
			}
			closing, ended = 0, nil
		case scenario.Left:
			if n := len(s.told); n == 0 || s.told[n-1].at != e.At {
				s.begin(e.At)
			}
			s.alone("left behind: " + e.Text)
		}
	}
}

// tooLate tells how a call ended that came as the pool closed, or once it had.
func (s *story) tooLate(e scenario.Event) {
	if n := len(s.told); n == 0 || e.At-s.told[n-1].at >= sameInstant {
		s.begin(e.At)
	}
	switch {
	case e.Lost:
		s.say(e.Call, " comes too late, and never comes back", " come too late, and never come back")
	case e.Err != "":
		s.say(e.Call, " comes too late: "+Rounded(e.Err), " come too late: "+Rounded(e.Err))
	default:
		s.say(e.Call, " comes too late, and is answered", " come too late, and are answered")
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
