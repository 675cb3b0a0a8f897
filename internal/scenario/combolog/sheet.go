package combolog

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/api"
)

// What an upload may have.
const (
	maxUpload = 1 << 20 // bytes
	maxRows   = 2_000
	maxNamed  = 10_000 // products, in all rows
	maxFaults = 50     // of a file that can't be read; nobody reads more
)

// sheet is a CSV: a header, and rows that have as many cells.
type sheet struct {
	columns []string // as [columns] spells them
	rows    []cells
	named   int // products, in all rows
}

// cells are a row of a sheet, by column.
type cells struct {
	number int // in the file, where the header is row 1
	values map[string]string
}

// columns are those of the export, in its order. An import may leave some out.
func columns() []string {
	return []string{
		"identifier", "type", "audience", "products", "roles", "startedOn", "endedOn", "channel", "spend",
		"impressions", "clicks", "purchases", "revenue", "outcome", "notes",
	}
}

// needed are the columns without which no combo can be created.
func needed() []string { return []string{"type", "audience", "products", "startedOn"} }

// readSheet reads a CSV as spreadsheets write it: in UTF-8, with or without a
// byte order mark, with commas or semicolons. Rows without a value are left out.
func readSheet(body []byte) (s sheet, faults api.Faults) {
	if i := firstInvalid(body); i >= 0 {
		faults.Add("body", "is no text in UTF-8 from row %d on: save it as \"CSV UTF-8\"", 1+bytes.Count(body[:i], []byte("\n")))
		return s, faults
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord = -1 // this is told by row
	if head, _, _ := bytes.Cut(body, []byte("\n")); bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
		r.Comma = ';'
	}
	for number := 1; len(faults) < maxFaults && s.named <= maxNamed; number++ {
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			if s.columns == nil {
				faults.Add("body", "is empty: its first row names the columns %s", strings.Join(columns(), ", "))
			} else if len(s.rows) == 0 && len(faults) == 0 {
				faults.Add("body", "has no rows below the header")
			}
			return s, faults
		case err != nil:
			faults.Add("body", "row %d can't be read: its quotes don't pair; a quote within a cell is written twice, and the cell in quotes", number)
			return s, faults
		case s.columns == nil:
			if s.columns = header(record, &faults); len(faults) > 0 {
				return s, faults
			}
		case len(s.rows) == maxRows:
			faults.Add("body", "has more than %d rows: split it", maxRows)
			return s, faults
		default:
			s.add(number, record, &faults)
		}
	}
	return s, faults
}

// firstInvalid returns where a text stops being one that can be stored, or -1.
func firstInvalid(body []byte) int {
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 || r == 0 {
			return i
		}
		i += n
	}
	return -1
}

// header returns the columns that a first row names.
func header(record []string, faults *api.Faults) (names []string) {
	known := columns()
	for i, cell := range record {
		cell = strings.TrimSpace(api.Unguard(cell))
		at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, cell) })
		switch {
		case at < 0:
			faults.Add("body", "row 1, cell %d names a column that there is not: the columns are %s", i+1, strings.Join(known, ", "))
		case slices.Contains(names, known[at]):
			faults.Add("body", "row 1, cell %d names the column %s again", i+1, known[at])
		default:
			names = append(names, known[at])
		}
	}
	if len(*faults) > 0 || slices.Contains(names, "identifier") {
		return names
	}
	for _, name := range needed() {
		if !slices.Contains(names, name) {
			faults.Add("body", "row 1 lacks the column %s, which each new combo needs", name)
		}
	}
	return names
}

func (s *sheet) add(number int, record []string, faults *api.Faults) {
	if !slices.ContainsFunc(record, func(cell string) bool { return strings.TrimSpace(cell) != "" }) {
		return
	}
	if len(record) != len(s.columns) {
		faults.Add("body", "row %d has %d cells, and the header %d: a cell with a comma or a line end is written in quotes", number, len(record), len(s.columns))
		return
	}
	row := cells{number, map[string]string{}}
	for i, cell := range record {
		row.values[s.columns[i]] = strings.TrimSpace(api.Unguard(cell))
	}
	s.rows = append(s.rows, row)
	if s.named += len(list(row.values["products"])); s.named > maxNamed {
		faults.Add("body", "row %d names the %dth product: split the file", number, maxNamed+1)
	}
}
