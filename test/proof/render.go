package proof

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Setting is where and when the stories were told.
type Setting struct {
	Date, Commit, Cores, Go, PostgreSQL string
}

// Render writes the page of what the lines of a file tell. A story that is told
// several times is one row. It returns how many stories failed.
func Render(to io.Writer, from io.Reader, where Setting) (failed int, err error) {
	stories, err := read(from)
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriter(to)
	lost, doubled, faults, runs := 0, 0, 0, 0
	for _, s := range stories {
		lost, doubled, faults, runs = lost+s.Lost, doubled+s.Doubled, faults+s.Faults, runs+s.Runs
		if s.Failed {
			failed++
		}
	}
	p := func(format string, args ...any) {
		fmt.Fprintf(out, format+"\n", args...) //nolint:errcheck // Flush tells
	}
	p("# Proof\n")
	p("What the stories of faults came to when `make proof` told them last; it wrote this page. After each story the store is held against the shop that it was read from: each order, line, refund line, fulfillment and product is there once, with its sums, PostgreSQL and the lakehouse are equal, no working row is left, and every run is over.\n")
	p("%s faults in %s runs, %s rows lost and %s doubled; %s of %s stories failed.\n",
		number(faults), number(runs), number(lost), number(doubled), number(failed), number(len(stories)))
	p("%s, commit %s, %s cores, PostgreSQL %s, %s.", where.Date, where.Commit, where.Cores, where.PostgreSQL, strings.Replace(where.Go, "go", "Go ", 1))
	for _, f := range Families() {
		of := slices.DeleteFunc(slices.Clone(stories), func(l line) bool { return l.Family != f.Number })
		p("\n## %d. %s\n\n%s\n", f.Number, f.Name, f.Does)
		if len(of) == 0 {
			p("No story was told.")
			continue
		}
		p("| Story | Faults | Runs | Lost | Doubled | Recovery, median | Longest |")
		p("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
		for _, s := range of {
			p("| %s | %s | %s | %s | %s | %s |", title(s), number(s.Faults), number(s.Runs), number(s.Lost), number(s.Doubled), waits(s))
		}
	}
	return failed, out.Flush()
}

// read reads the lines, and makes one of those that tell the same story.
func read(from io.Reader) (stories []line, err error) {
	for d := json.NewDecoder(from); ; {
		var l line
		if err := d.Decode(&l); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read the stories: %w", err)
		}
		at := slices.IndexFunc(stories, func(s line) bool { return s.Family == l.Family && s.Name == l.Name })
		if at < 0 {
			stories = append(stories, l)
			continue
		}
		s := &stories[at]
		if total := s.Waits + l.Waits; total > 0 { // of parts, the mean of their medians
			s.Median = (s.Median*float64(s.Waits) + l.Median*float64(l.Waits)) / float64(total)
			s.Waits = total
		}
		s.Max, s.Failed = max(s.Max, l.Max), s.Failed || l.Failed
		s.Faults, s.Runs, s.Lost, s.Doubled = s.Faults+l.Faults, s.Runs+l.Runs, s.Lost+l.Lost, s.Doubled+l.Doubled
	}
	slices.SortStableFunc(stories, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Name, b.Name))
	})
	return stories, nil
}

func title(s line) string {
	if s.Failed {
		return s.Name + " (**failed**)"
	}
	return s.Name
}

func waits(s line) string {
	if s.Waits == 0 {
		return "– | –"
	}
	return fmt.Sprintf("%.2f s | %.2f s", s.Median, s.Max)
}

// number writes a whole number with commas between thousands.
func number(n int) string {
	text := fmt.Sprint(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
