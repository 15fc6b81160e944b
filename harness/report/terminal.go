package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/butfor/butfor/harness/findings"
	"github.com/butfor/butfor/harness/scenario"
	"github.com/butfor/butfor/harness/subject"
)

// A Terminal is how output may look.
type Terminal struct {
	Width int  // in columns
	Color bool // NO_COLOR is honoured
}

// TerminalOf says how output to a file may look.
func TerminalOf(f *os.File) Terminal {
	t := Terminal{Width: 100}
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		t.Width = w
		t.Color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	} else if w, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && w > 0 {
		t.Width = w
	}
	t.Width = max(t.Width, 60)
	return t
}

// paint colours a text, if colours are wanted.
func (t Terminal) paint(s string, c text.Colors) string {
	if !t.Color {
		return s
	}
	return c.Sprint(s)
}

func (t Terminal) word(w scenario.Word) string {
	switch w {
	case scenario.Sound, scenario.Demonstrated:
		return t.paint(string(w), text.Colors{text.FgGreen})
	case scenario.Inconclusive, scenario.Environmental:
		return t.paint(string(w), text.Colors{text.FgYellow})
	default:
		return t.paint(string(w), text.Colors{text.FgRed})
	}
}

// Table prints results side by side: a row a claim, a column a subject, in
// each cell the figures and the verdict. Where that is too wide, the subjects
// stand one below the other.
func (t Terminal) Table(w io.Writer, lines []Line) {
	var subjects []string
	for _, l := range lines {
		if !slices.Contains(subjects, l.Subject) {
			subjects = append(subjects, l.Subject)
		}
	}
	slices.SortStableFunc(subjects, func(a, b string) int { return rank(a) - rank(b) })

	tw := newTable(w)
	tw.Style().Options.SeparateRows = true
	columns := len(subjects)
	first, each := t.divide(columns, lines)
	stacked := each < widest(lines)
	if stacked {
		columns = 1
		first, each = t.divide(columns, lines)
	}
	header := table.Row{"claim"}
	for _, s := range subjects[:columns] {
		header = append(header, s)
	}
	if stacked {
		header[1] = strings.Join(subjects, ", ")
	}
	tw.AppendHeader(header)

	for i := 0; i < len(lines); {
		row := table.Row{t.claim(lines[i], first)}
		cells := map[string]string{}
		j := i
		for ; j < len(lines) && lines[j].Finding == lines[i].Finding && lines[j].Variant == lines[i].Variant; j++ {
			cells[lines[j].Subject] = t.cell(lines[j], each)
		}
		if stacked {
			row = append(row, stack(subjects, cells))
		} else {
			for _, s := range subjects {
				row = append(row, cells[s])
			}
		}
		tw.AppendRow(row)
		i = j
	}
	tw.Render()
}

// Rows prints rows below a header, cells cut into lines so that they fit the width:
// the last takes what is left of it.
func (t Terminal) Rows(w io.Writer, header []string, rows [][]string) {
	tw := newTable(w)
	tw.Style().Options.SeparateRows = true
	last := len(header) - 1
	room := t.Width - 3*len(header) - 1
	for i := range last {
		widest := 0
		for _, r := range append([][]string{header}, rows...) {
			widest = max(widest, text.StringWidth(r[i]))
		}
		room -= min(widest, t.Width/4)
	}
	row := func(cells []string) (row table.Row) {
		for i, s := range cells {
			width := t.Width / 4
			if i == last {
				width = room
			}
			row = append(row, text.WrapSoft(s, width))
		}
		return row
	}
	tw.AppendHeader(row(header))
	for _, r := range rows {
		tw.AppendRow(row(r))
	}
	tw.Render()
}

func newTable(w io.Writer) table.Writer {
	tw := table.NewWriter()
	tw.SetOutputMirror(w)
	style := table.StyleLight
	style.Format.Header = text.FormatDefault
	tw.SetStyle(style)
	return tw
}

// divide says how wide the first column and each of the others may be.
func (t Terminal) divide(columns int, lines []Line) (first, each int) {
	// What the frame takes: a line and two blanks a column, and a line.
	room := t.Width - 3*(columns+1) - 1
	first = max(21, min(34, room/3, room-columns*widest(lines)))
	return first, (room - first) / max(1, columns)
}

// widest is how wide a verdict with its mark can be.
func widest(lines []Line) (columns int) {
	for _, l := range lines {
		columns = max(columns, len(l.Verdict)+len(" x"))
	}
	return columns
}

// stack puts a row's cells one below the other.
func stack(subjects []string, cells map[string]string) string {
	var all []string
	for _, s := range subjects {
		if cells[s] != "" {
			all = append(all, s+":\n"+cells[s])
		}
	}
	return strings.Join(all, "\n")
}

// history is the order in which pools came about, then what ours is told from.
var history = []string{"V1", "V2-seed", "V2-P3", "V2-last", "V3", "herd", "puddle"}

// rank puts ours last, and the others in the order of their history: before ours
// whoever has none.
func rank(name string) int {
	if name == subject.Ours().Name {
		return len(history) + 1
	}
	if i := slices.Index(history, name); i >= 0 {
		return i
	}
	return len(history)
}

func (t Terminal) claim(l Line, width int) string {
	s := t.paint(l.Finding, text.Colors{text.Bold})
	if l.Variant != "" {
		s += "\n" + l.Variant
	}
	if l.Claim == "" { // a scenario of one's own
		return s
	}
	return s + "\n" + text.WrapSoft("“"+l.Claim+"”", width)
}

func (t Terminal) cell(l Line, width int) string {
	s := text.WrapSoft(l.Figure, width) + "\n" + t.word(l.Verdict)
	switch {
	case !l.AsExpected():
		s += t.paint(" ✗", text.Colors{text.FgRed, text.Bold})
	case l.Expected != "":
		s += " ✓"
	}
	if n := len(l.Served); len(l.Safety) > 0 && n == l.Calls && n > 0 && l.Served[n-1] <= l.Deadline {
		kind, _, _ := strings.Cut(l.Safety[0], ":") // the figures alone do not show why
		s += "\n" + text.WrapSoft(kind, width)
	}
	return s
}

// Reasons prints, claim by claim, what is true of it and why each verdict is
// what it is.
func (t Terminal) Reasons(w io.Writer, lines []Line) {
	finding := ""
	var between []string // what came out otherwise between the cases of one
	for i, l := range lines {
		if l.Finding != finding {
			finding = l.Finding
			fmt.Fprintln(w)
			t.wrapped(w, "", t.paint(l.Finding, text.Colors{text.Bold})+": "+l.Truth)
		}
		t.wrapped(w, "  ", fmt.Sprintf("%s: %s: %s", findings.Name(l.Subject, l.Variant), t.word(l.Verdict), l.Reason))
		t.latent(w, l)
		t.otherwise(w, l)
		for _, p := range l.Between {
			if !slices.Contains(between, p) {
				between = append(between, p)
			}
		}
		if i == len(lines)-1 || lines[i+1].Finding != finding {
			t.between(w, between)
			between = nil
		}
	}
}

// latent prints what the run did not happen to show.
func (t Terminal) latent(w io.Writer, l Line) {
	for _, x := range l.Latent {
		t.wrapped(w, "  ", "latent: "+x.Reason)
	}
}

// otherwise prints what came out otherwise than claimed, and what may excuse it.
func (t Terminal) otherwise(w io.Writer, l Line) {
	for _, p := range l.Problems {
		t.wrapped(w, "  ", t.paint("✗ not as claimed: "+p, text.Colors{text.FgRed}))
	}
	if l.Beside != "" && !l.AsExpected() {
		t.wrapped(w, "  ", l.Beside)
	}
}

// between prints what came out otherwise than claimed between cases of a finding.
func (t Terminal) between(w io.Writer, texts []string) {
	for _, p := range texts {
		t.wrapped(w, "  ", t.paint("✗ not as claimed, between its cases: "+p, text.Colors{text.FgRed}))
	}
}

// Story prints one result: what was claimed, what happens, and the verdict with
// its reason.
func (t Terminal) Story(w io.Writer, l Line) {
	fmt.Fprintln(w, t.paint(l.Name(), text.Colors{text.Bold}))
	if l.Claim != "" {
		t.wrapped(w, "  ", "claimed: “"+l.Claim+"”")
		t.wrapped(w, "  ", l.Truth)
		for _, text := range reservations(l.Unreal, l.Set) {
			t.wrapped(w, "  ", text)
		}
	}
	if l.Figure != "" {
		t.wrapped(w, "  ", "served: "+l.Figure)
	}
	t.wrapped(w, "  ", fmt.Sprintf("%s: %s", t.word(l.Verdict), l.Reason))
	t.Cells(w, l)
	for _, o := range l.Others {
		t.wrapped(w, "  ", fmt.Sprintf("another pool, %s: %s: %s", o.Subject, t.word(o.Verdict), o.Reason))
	}
	t.latent(w, l)
	t.otherwise(w, l)
	t.between(w, l.Between)
	if l.Compared == nil { // else they are told beside that
		for _, d := range l.Doubts {
			t.wrapped(w, "  ", "in doubt: "+d)
		}
	}
	fmt.Fprintln(w)
}

// reservations are why no real workers show a finding, and what of its figures is set
// in virtual time, in words: each "" if there is nothing to say.
func reservations(unreal, set string) (texts []string) {
	if unreal != "" {
		texts = append(texts, "in virtual time alone: "+unreal)
	}
	if set != "" {
		texts = append(texts, "set in virtual time, not measured: "+set)
	}
	return texts
}

// Finding prints what was claimed, by whom, and what is true.
func (t Terminal) Finding(w io.Writer, f findings.Finding) {
	texts := []string{"“" + f.Claim + "”", f.Source, f.Truth}
	if f.Unmodelled != "" {
		texts = append(texts, "on real workers alone: "+f.Unmodelled)
	}
	t.Entry(w, f.ID, append(texts, reservations(f.Unreal, f.Set)...)...)
}

// wrapped prints a text within the terminal's width, each line after an indent,
// from the second on after two blanks more.
func (t Terminal) wrapped(w io.Writer, indent, s string) {
	for i, line := range strings.Split(text.WrapSoft(s, t.Width-len(indent)-2), "\n") {
		if i == 1 {
			indent += "  "
		}
		fmt.Fprintln(w, indent+strings.TrimSpace(line))
	}
}

// Entry prints a name and what belongs to it, within the terminal's width.
func (t Terminal) Entry(w io.Writer, name string, texts ...string) {
	fmt.Fprintln(w, t.paint(name, text.Colors{text.Bold}))
	for _, s := range texts {
		t.wrapped(w, "  ", s)
	}
	fmt.Fprintln(w)
}
