package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// question is a query of the lakehouse as people ask it.
type question struct {
	Name  string   `json:"name"`
	About string   `json:"about"`
	Args  []string `json:"args"`  // instants, all of them needed
	Table bool     `json:"table"` // it reads the table that --table names

	days bool // it is also told the shop's days from since to until
}

func questions() []question {
	span := []string{"since", "until"}
	return []question{
		{Name: "sales_by_day", About: "sales per day of the shop and currency", Args: span, days: true},
		{Name: "sales_proof", About: "the same with cancelled and test orders, as a run's proof compares it", Args: span, days: true},
		{Name: "sales_totals", About: "sales of a range of time, per currency", Args: span},
		{Name: "table_rows", About: "rows that a table has, with all versions of a line", Args: []string{}, Table: true},
	}
}

// usage is how a question is written on the command line.
func (q question) usage() string {
	s := q.Name
	if q.Table {
		s += " --table TABLE"
	}
	for _, a := range q.Args {
		s += " --arg " + a + "=TIME"
	}
	return s
}

func (e *env) lakeQueryCommand() *cobra.Command {
	var list bool
	var table, asOf string
	var given []string
	c := &cobra.Command{
		Use:   "query NAME",
		Short: "Ask the lakehouse, as it is or as a run left it",
		Long: `Runs a named query. TIME is an instant like 2026-11-22T08:00:00Z, or a day like
2026-11-22, which is its first instant in the shop's time zone. since is included,
until is not. --list names the queries with what they take.`,
		Example: "  macrodata lake query sales_totals --arg since=2026-11-01 --arg until=2026-12-01",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if list {
				return e.print(questions(), printQuestions)
			}
			a, err := newAsking(args, table, asOf, given)
			if err != nil {
				return err
			}
			return e.withLakehouse(c.Context(), func(p *app.Platform, h *app.Lakehouse) error {
				return e.ask(c.Context(), p, h, a)
			})
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the queries")
	c.Flags().StringVar(&table, "table", "", "table to read, where the query leaves that open")
	c.Flags().StringVar(&asOf, "as-of", "", "a run, a tag or a snapshot; now where left out")
	c.Flags().StringArrayVar(&given, "arg", nil, "a value of the query, as name=value")
	return c
}

func printQuestions(w io.Writer) {
	for _, q := range questions() {
		fmt.Fprintf(w, "%s\n  %s\n", q.usage(), q.About)
	}
}

// asking is a question with its values as they were written, which make sense.
type asking struct {
	question
	table string
	asOf  string
	times map[string]string
}

// newAsking checks a command line without looking into the lakehouse.
func newAsking(args []string, table, asOf string, given []string) (a asking, err error) {
	wrong := func(remedy, format string, args ...any) (asking, error) {
		return a, errs.WithRemedy(fmt.Errorf(format+": %w", append(args, errs.Invalid)...), remedy)
	}
	if len(args) == 0 {
		return wrong("see `macrodata lake query --list`", "no query is named")
	}
	i := slices.IndexFunc(questions(), func(q question) bool { return q.Name == args[0] })
	if i < 0 {
		return wrong("see `macrodata lake query --list`", "there is no query %.80q", args[0])
	}
	a = asking{question: questions()[i], table: table, asOf: asOf, times: map[string]string{}}
	write := "write it like `macrodata lake query " + a.usage() + "`"
	switch {
	case a.Table && table == "":
		return wrong(write, "query %s needs --table", a.Name)
	case !a.Table && table != "":
		return wrong(write, "query %s takes no --table", a.Name)
	case table != "":
		if _, err := tableNames(table); err != nil {
			return a, err
		}
	}
	for _, arg := range given {
		name, value, ok := strings.Cut(arg, "=")
		_, twice := a.times[name]
		switch {
		case !ok:
			return wrong(write, "--arg is not name=value")
		case !slices.Contains(a.Args, name):
			return wrong(write, "query %s takes no --arg %.40q", a.Name, name)
		case twice:
			return wrong(write, "--arg %s is given twice", name)
		}
		if _, err := timeOf(value, time.UTC); err != nil {
			return wrong("write it like 2026-11-22 or 2026-11-22T08:00:00Z", "--arg %s is no time", name)
		}
		a.times[name] = value
	}
	for _, name := range a.Args {
		if _, ok := a.times[name]; !ok {
			return wrong(write, "query %s needs --arg %s", a.Name, name)
		}
	}
	// Whoever read a run's id in `macrodata runs` means what the run left.
	if id, err := uuid.Parse(asOf); err == nil {
		a.asOf = lake.TagOf(id.String())
	}
	return a, nil
}

// timeOf reads an instant, or a day's first.
func timeOf(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	day, err := shop.ParseDay(s)
	if err != nil {
		return time.Time{}, err
	}
	t, _, err := day.Bounds(zone)
	return t, err
}

// answer is what a query found.
type answer struct {
	Query     string            `json:"query"`
	Snapshots map[string]string `json:"snapshots"` // that were read, by table; ids exceed what JSON's numbers hold
	Columns   []string          `json:"columns"`
	Rows      [][]any           `json:"rows"`
}

func (e *env) ask(ctx context.Context, p *app.Platform, h *app.Lakehouse, a asking) error {
	zone, err := zoneOf(ctx, p)
	if err != nil {
		return err
	}
	values, err := a.values(zone)
	if err != nil {
		return err
	}
	t, err := h.Duck.Table(ctx, app.Question{Name: a.Name, Table: a.table, AsOf: a.asOf, Args: values})
	if err != nil {
		return err
	}
	found := answer{Query: t.Query, Snapshots: map[string]string{}, Columns: t.Columns, Rows: t.Rows}
	for name, id := range t.Snapshots {
		found.Snapshots[name] = strconv.FormatInt(id, 10)
	}
	return e.print(found, func(w io.Writer) { found.print(w, zone) })
}

// zoneOf returns the time zone of the shop, UTC before the first sync.
func zoneOf(ctx context.Context, p *app.Platform) (*time.Location, error) {
	info, err := catalog.Shop(ctx, p.DB)
	switch {
	case errors.Is(err, errs.NotFound):
		return time.UTC, nil
	case err != nil:
		return nil, err
	}
	return time.LoadLocation(info.TimeZone)
}

// values are the query's parameters.
func (a asking) values(zone *time.Location) (map[string]any, error) {
	values := map[string]any{}
	at := map[string]time.Time{}
	for name, text := range a.times {
		t, err := timeOf(text, zone)
		if err != nil {
			return nil, err
		}
		at[name], values[name] = t, t
	}
	since, until := at["since"], at["until"]
	if len(at) > 0 && !since.Before(until) {
		return nil, errs.WithRemedy(fmt.Errorf("--arg until is not after --arg since: %w", errs.Invalid),
			"until is the first instant, or day, that is left out")
	}
	if !a.days {
		return values, nil
	}
	days, err := daysOf(since, until, zone)
	values["days"] = days
	return values, err
}

// mostDays bounds the days of one answer: a hundred years of them.
const mostDays = 36_525

// daysOf returns the first instants of the days that a range has a part of.
func daysOf(since, until time.Time, zone *time.Location) (list []time.Time, err error) {
	if until.Sub(since) > mostDays*24*time.Hour {
		return nil, errs.WithRemedy(fmt.Errorf("a hundred years and more lie between since and until: %w", errs.Invalid),
			"ask for fewer days")
	}
	for at := since; at.Before(until); {
		from, next, err := shop.DayOf(at, zone).Bounds(zone)
		if err != nil {
			return nil, err
		}
		list = append(list, from)
		at = next
	}
	return list, nil
}

func (a answer) print(w io.Writer, zone *time.Location) {
	lines := [][]string{slices.Clone(a.Columns)}
	for _, r := range a.Rows {
		line := make([]string, len(r))
		for i, v := range r {
			line[i] = cell(v, zone)
		}
		lines = append(lines, line)
	}
	table(w, lines)
	for _, name := range slices.Sorted(maps.Keys(a.Snapshots)) {
		count := plural(int64(len(a.Rows)), "row")
		if id := a.Snapshots[name]; id != "0" {
			fmt.Fprintf(w, "%s, from snapshot %s of %s\n", count, id, name)
		} else {
			fmt.Fprintf(w, "%s; %s is empty\n", count, name)
		}
	}
}

// cell writes a value for people: days and instants in the shop's time zone.
func cell(v any, zone *time.Location) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case int64:
		return thousands(v)
	case string:
		if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
			if from, _, err := shop.DayOf(t, zone).Bounds(zone); err == nil && from.Equal(t) {
				return string(shop.DayOf(t, zone))
			}
			return t.In(zone).Format(time.RFC3339)
		}
		return v
	}
	return fmt.Sprint(v)
}
