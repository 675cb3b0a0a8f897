package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// column is a column of a CSV: a field of the rows, or of a struct in them.
type column struct {
	name  string
	index []int // as reflect.Value.FieldByIndex takes it
}

// columnsOf returns the columns of a struct: its fields under their names in
// JSON, those of structs in it behind their names and a dot. A tag csv:"-"
// leaves a field out.
func columnsOf(t reflect.Type) (list []column, err error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s is no struct, so it has no columns", t)
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if len(f.Index) > 1 || !f.IsExported() && !f.Anonymous || name == "-" || f.Tag.Get("csv") == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if ft.Kind() != reflect.Struct || isText(ft) {
			list = append(list, column{name, f.Index})
			continue
		}
		inner, err := columnsOf(ft)
		if err != nil {
			return nil, err
		}
		for _, c := range inner {
			if !f.Anonymous {
				c.name = name + "." + c.name
			}
			list = append(list, column{c.name, append(append([]int{}, f.Index...), c.index...)})
		}
	}
	return list, nil
}

// isText reports whether values of a struct type are written as one cell.
func isText(t reflect.Type) bool {
	return t == reflect.TypeFor[time.Time]() || t.Implements(reflect.TypeFor[fmt.Stringer]())
}

// table writes rows as RFC 4180 has it, in UTF-8 with the mark at its
// beginning that spreadsheets know it by. The library's writer changes line
// ends within cells, so this one is our own.
type table struct {
	w       http.ResponseWriter
	columns []column
	buf     []byte // what is not sent yet
}

// writeTimeout bounds how long a client may take to read one page of a stream.
const writeTimeout = 60 * time.Second

func newTable(w http.ResponseWriter, columns []column) *table {
	t := &table{w: w, columns: columns, buf: []byte("\ufeff")}
	for i, c := range columns {
		t.cell(i, c.name)
	}
	t.buf = append(t.buf, "\r\n"...)
	return t
}

func (t *table) row(v reflect.Value) {
	for i, c := range t.columns {
		text := ""
		if f, err := v.FieldByIndexErr(c.index); err == nil { // else it lies behind a nil pointer
			text = cell(f)
		}
		t.cell(i, text)
	}
	t.buf = append(t.buf, "\r\n"...)
}

func (t *table) cell(i int, text string) {
	if i > 0 {
		t.buf = append(t.buf, ',')
	}
	if !strings.ContainsAny(text, "\",\r\n") {
		t.buf = append(t.buf, text...)
		return
	}
	t.buf = append(t.buf, '"')
	t.buf = append(t.buf, strings.ReplaceAll(text, `"`, `""`)...)
	t.buf = append(t.buf, '"')
}

// flush sends what is written. A client that is gone ends the stream.
func (t *table) flush() {
	c := http.NewResponseController(t.w)
	_ = c.SetWriteDeadline(time.Now().Add(writeTimeout)) // as in readBody
	if _, err := t.w.Write(t.buf); err != nil || c.Flush() != nil {
		panic(http.ErrAbortHandler)
	}
	t.buf = t.buf[:0]
}

// cell returns the text of a value. Numbers are numbers; text is guarded.
func cell(v reflect.Value) string {
	if k := v.Kind(); k == reflect.Pointer || k == reflect.Interface {
		if v.IsNil() {
			return ""
		}
		return cell(v.Elem())
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.UTC().Format(time.RFC3339Nano)
	case shop.ID:
		if x == 0 {
			return ""
		}
		return x.String()
	case shop.Amount:
		return x.String()
	case fmt.Stringer:
		return Guard(x.String())
	case json.RawMessage:
		return Guard(string(x))
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	if v.Kind() == reflect.String {
		return Guard(v.String())
	}
	if v.Kind() != reflect.Slice {
		return fmt.Sprint(v.Interface())
	}
	list := make([]string, v.Len())
	for i := range list {
		list[i] = fmt.Sprint(v.Index(i).Interface())
	}
	return Guard(strings.Join(list, ", "))
}

var plainNumber = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// Guard returns a text as it stands in a cell of a CSV: one that a spreadsheet
// would take for a formula begins with an apostrophe, and so does one that
// begins with an apostrophe, so that [Unguard] returns what was. Numbers are
// not changed.
func Guard(s string) string {
	if guarded(s) && !plainNumber.MatchString(s) {
		return "'" + s
	}
	return s
}

// Unguard undoes Guard.
func Unguard(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && guarded(rest) {
		return rest
	}
	return s
}

func guarded(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠'", first)
}

// fileName names a download after the shop, the list and the shop's day.
func (a *API) fileName(path string) string {
	info, zone := shop.Info{}, time.UTC
	if a.config.Shop != nil {
		info = a.config.Shop()
	}
	if z, err := time.LoadLocation(info.TimeZone); err == nil {
		zone = z
	}
	name := strings.TrimSuffix(path[strings.LastIndex(path, "/")+1:], ".csv")
	if brand, _, ok := strings.Cut(info.Domain, "."); ok {
		name = brand + "-" + name
	}
	return name + "-" + string(shop.DayOf(time.Now(), zone)) + ".csv"
}
