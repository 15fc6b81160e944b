package report

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/butfor/butfor/harness/scenario"
)

// Cells prints the 2×2 that a verdict comes from, if it came to that: what this pool
// and the best of the ideal ones missed, and when all are served if nobody gives up,
// as it was met and inside the contract; and whose doing how much of it is.
func (t Terminal) Cells(w io.Writer, l Line) {
	q := l.Table
	if q == nil {
		return
	}
	tw := newTable(w)
	tw.AppendHeader(table.Row{"", "as it was met", "inside the contract"})
	tw.AppendRow(table.Row{text.WrapSoft(l.Subject, max(8, t.Width-48)), cellText(q.This), cellText(q.ThisInside)})
	tw.AppendRow(table.Row{text.WrapSoft(q.Winner, max(8, t.Width-48)), cellText(q.Ideal), cellText(q.IdealInside)})
	tw.Render()
	t.wrapped(w, "  ", fmt.Sprintf("of the misses %.0f %% would not have been but for the code, %.0f %% but for the environment", 100*q.NeedCode, 100*q.NeedEnvironment))
	if e := q.Effects; e != nil {
		t.wrapped(w, "  ", fmt.Sprintf("the code takes %s, the environment %s, both together %s more", signed(e.Code), signed(e.Environment), signed(e.Both)))
	}
	t.wrapped(w, "  ", fmt.Sprintf("%d seeds; the same word %.0f %% to either side of the deadline", q.Seeds, 100*q.Band))
}

func cellText(c scenario.Cell) string {
	served := "never all"
	if c.Time != scenario.Never {
		served = "all by " + span(c.Time)
	}
	return fmt.Sprintf("%.3g missed\n%s", c.Misses, served)
}

// signed is a difference, for which less than half a millisecond is none.
func signed(d time.Duration) string {
	return fmt.Sprintf("%+.3g s", d.Round(time.Millisecond).Seconds())
}
