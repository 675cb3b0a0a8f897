package bulksync

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Proof is why a run believes that nothing is missing. It is kept on the run.
type Proof struct {
	Holds  bool    `json:"holds"`
	Checks []Check `json:"checks"`
}

// Check is one comparison of a proof.
type Check struct {
	Name   string `json:"name"`
	Stream string `json:"stream"`
	Want   string `json:"want"`
	Got    string `json:"got"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

func compare[T comparable](stream, name string, want, got T, detail string) Check {
	return Check{Name: name, Stream: stream, Want: fmt.Sprint(want), Got: fmt.Sprint(got), OK: want == got, Detail: detail}
}

// rootCheck compares the distinct roots of a file with Shopify's count. A line
// that can't be read may have been a root; it is listed as rejected.
func rootCheck(stream string, want, distinct, refused int64) Check {
	c := compare(stream, "roots", want, distinct, "distinct roots in the file, as Shopify counts them")
	if missing := want - distinct; missing > 0 && missing <= refused {
		c.OK = true
		c.Detail += fmt.Sprintf("; %d are listed as rejected", missing)
	}
	return c
}

// dayKey is a shop day in a currency.
type dayKey struct{ day, currency string }

// daySum is what a file or the store holds of a day.
type daySum struct {
	orders, lines, units   int64
	total, gross, discount shop.Amount
}

// Plus returns the sum of both.
func (s daySum) Plus(o daySum) daySum {
	return daySum{
		s.orders + o.orders, s.lines + o.lines, s.units + o.units,
		s.total + o.total, s.gross + o.gross, s.discount + o.discount,
	}
}

func (s daySum) String() string {
	return fmt.Sprintf("%d orders %s, %d lines, %d units, gross %s, discount %s",
		s.orders, s.total, s.lines, s.units, s.gross, s.discount)
}

// compare holds what the files held against what the store holds now: counts
// and money, day by day.
func (j *job) compare(ctx context.Context) (checks []Check, err error) {
	q := pgdb.New(j.db)
	if err := q.AnalyzeLoaded(ctx); err != nil {
		return nil, err
	}
	for _, stream := range j.plan.Streams {
		roots, err := q.CountRoots(ctx, stream.Stream)
		if err != nil {
			return nil, err
		}
		c := j.counts.stream(stream.Stream)
		checks = append(checks, rootCheck(stream.Stream, c.Roots, roots, c.refusedRoots))
		if stream.Stream == Products {
			stored, err := q.StoredProducts(ctx)
			if err != nil {
				return nil, err
			}
			checks = append(checks, compare(Products, "store", roots, stored, "products of the file that are stored"))
			continue
		}
		days, err := j.compareDays(ctx, q)
		if err != nil {
			return nil, err
		}
		checks = append(checks, days...)
	}
	return checks, nil
}

// shownDays of a difference are listed; one is reason enough to look.
const shownDays = 20

func (j *job) compareDays(ctx context.Context, q *pgdb.Queries) ([]Check, error) {
	inFile, err := fileDays(ctx, q)
	if err != nil {
		return nil, err
	}
	stored, err := j.storeDays(ctx, q)
	if err != nil {
		return nil, err
	}
	rejected, err := q.RejectedDays(ctx, j.id)
	if err != nil {
		return nil, err
	}
	excused := map[dayKey]bool{}
	for _, d := range rejected {
		excused[keyOf(d.Day, d.Currency)] = true
	}
	return storeChecks(inFile, stored, excused), nil
}

// storeChecks holds the store against the file. Excused days are left out:
// lines of theirs are listed as rejected.
func storeChecks(inFile, stored map[dayKey]daySum, excused map[dayKey]bool) []Check {
	for k := range excused {
		delete(inFile, k)
		delete(stored, k)
	}
	checks := dayChecks("store", "file and store", inFile, stored)
	if n := len(excused); n > 0 {
		checks[0].Detail += fmt.Sprintf("; %d are left out, for lines of theirs are listed as rejected", n)
	}
	return checks
}

// summed is what days hold.
type summed[S any] interface {
	comparable
	Plus(S) S
	String() string
}

// dayChecks compares two sides, day by day, and sums them up by currency. The
// checks' names begin with what is held against something.
func dayChecks[S summed[S]](what, sides string, want, got map[dayKey]S) []Check {
	keys := map[dayKey]bool{}
	sum := func(days map[dayKey]S) map[string]S {
		sums := map[string]S{}
		for k, d := range days {
			keys[k] = true
			sums[k.currency] = sums[k.currency].Plus(d)
		}
		return sums
	}
	wantSums, gotSums := sum(want), sum(got)

	var differing, sums []Check
	for k := range keys {
		if want[k] != got[k] {
			differing = append(differing, compare(Orders, what+" day "+k.day+" "+k.currency, want[k].String(), got[k].String(), ""))
		}
		if _, done := gotSums[k.currency]; !done {
			gotSums[k.currency] = *new(S)
		}
	}
	for currency, got := range gotSums {
		sums = append(sums, compare(Orders, what+" "+currency, wantSums[currency].String(), got.String(), "over all days"))
	}
	byName := func(a, b Check) int { return strings.Compare(a.Name, b.Name) }
	slices.SortFunc(differing, byName)
	slices.SortFunc(sums, byName)
	checks := []Check{compare(Orders, what+" days", len(keys), len(keys)-len(differing), "shop days on which "+sides+" hold the same")}
	checks = append(checks, sums...)
	return append(checks, differing[:min(len(differing), shownDays)]...)
}

func fileDays(ctx context.Context, q *pgdb.Queries) (map[dayKey]daySum, error) {
	days := map[dayKey]daySum{}
	orders, err := q.FileOrderDays(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range orders {
		days[keyOf(d.Day, d.Currency)] = daySum{orders: d.Orders, total: d.Total}
	}
	lines, err := q.FileLineDays(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range lines {
		k := keyOf(d.Day, d.Currency)
		days[k] = days[k].Plus(daySum{lines: d.Lines, units: d.Units, gross: d.Gross, discount: d.Discount})
	}
	return days, nil
}

func keyOf(day time.Time, currency string) dayKey { return dayKey{day.Format(time.DateOnly), currency} }

// storeDays sums the store over the orders of the file, in pages that keep
// every statement short.
func (j *job) storeDays(ctx context.Context, q *pgdb.Queries) (map[dayKey]daySum, error) {
	const pageRows = 50_000
	days := map[dayKey]daySum{}
	for after := int64(0); ; {
		end, err := q.PageEnd(ctx, pgdb.PageEndParams{Stream: Orders, After: after, RowLimit: pageRows})
		if err != nil || end == 0 {
			return days, err
		}
		rows, err := q.StoreDays(ctx, pgdb.StoreDaysParams{After: after, Upto: end})
		if err != nil {
			return nil, err
		}
		for _, d := range rows {
			k := keyOf(d.Day, d.Currency)
			days[k] = days[k].Plus(daySum{d.Orders, d.Lines, d.Units, d.Total, d.Gross, d.Discount})
		}
		after = end
	}
}

// prove gathers all checks: of the files, of the store, of the index, of the
// lakehouse.
func (j *job) prove(ctx context.Context, stored []Check) (Proof, error) {
	p := Proof{Holds: true}
	for _, f := range j.files {
		p.Checks = append(p.Checks, fileChecks(f, j.counts.stream(f.Stream).passes[f.Name])...)
	}
	p.Checks = append(p.Checks, stored...)
	for _, s := range j.sweeps {
		p.Checks = append(p.Checks, s.checks()...)
	}
	if counts, planned := j.counts.planned(j.plan, Orders); planned {
		open, err := pgdb.New(j.db).UnsettledOrders(ctx)
		if err != nil {
			return p, err
		}
		p.Checks = append(p.Checks, compare(Orders, "nested", 0, open,
			fmt.Sprintf("orders whose lines or fulfillments aren't as many as Shopify counts, after %d were read whole", counts.Uneven)))
		told, err := j.compareLake(ctx)
		if err != nil {
			return p, err
		}
		p.Checks = append(p.Checks, told...)
	}
	if len(p.Checks) == 0 {
		return p, fmt.Errorf("nothing was checked: %w", errs.Corrupt)
	}
	for _, c := range p.Checks {
		p.Holds = p.Holds && c.OK
	}
	return p, nil
}

// fileChecks holds a file against what Shopify said of it.
func fileChecks(f file, read cursor) []Check {
	checks := []Check{
		compare(f.Name, "bytes", f.Size, f.Bytes, "of the file, as Shopify says"),
		compare(f.Name, "lines", f.Objects, read.Line, "of the file, as Shopify says"),
	}
	if f.Partial {
		checks = append(checks, Check{
			Name: "whole", Stream: f.Name, Want: "a complete export", Got: "a partial one", Detail: f.Failure,
		})
	}
	return checks
}
