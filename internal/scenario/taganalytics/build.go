package taganalytics

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// rollupKey is what a rollup hangs on: when it is the same, so is the rollup.
type rollupKey struct {
	month     string
	files     fingerprint // of the month, which never change
	zone      string
	selection fingerprint
}

const (
	// queryRows is how many rows a query for rollups is expected to have at most.
	// Twice as many are for a shop with two currencies; the engine refuses 100,000.
	queryRows = 45_000
	// tooMany is kept where the engine refused all the same.
	tooMany = "too many rows"
)

// errTooMany says that rollups would be larger than what they are made from.
var errTooMany = errors.New("too many rows for rollups")

// roll answers a question from rollups, and makes those that are missing. It
// returns nil where there can be none, or where they would exceed their memory.
func (r *reading) roll(ctx context.Context, q question) (*table, error) {
	if r.s.rollups == nil || !r.snapshot.ByMonth {
		return nil, nil
	}
	selection := fingerprintOf(q.members)
	of, err := r.s.productsOf(selection, q.members)
	if err != nil {
		return nil, err
	}
	starts, until, err := instants(q.parts, r.zone)
	if err != nil {
		return nil, err
	}
	months := monthsOf(starts[0], until)
	if int64(len(months))*mostBytes(len(q.members), len(of.ids)) > r.s.rollups.limit {
		return nil, nil
	}
	rollups, err := r.rollups(ctx, selection, q.members, of, months)
	if errors.Is(err, errTooMany) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return sum(rollups, of, q), nil
}

// productsOf reads the members of a selection, once while it is kept.
func (s *Service) productsOf(selection fingerprint, members []string) (products, error) {
	if p, ok := s.rollups.get(selection).(products); ok {
		return p, nil
	}
	p, err := productsOf(members)
	if err == nil {
		s.rollups.put(selection, p, p.bytes())
	}
	return p, err
}

// rollups returns those of some months, in their order. Who asks while somebody
// makes them waits for these.
func (r *reading) rollups(ctx context.Context, selection fingerprint, members []string, of products, months []month) ([]*rollup, error) {
	found, missing, err := r.kept(selection, months)
	if err != nil || len(missing) == 0 {
		return found, err
	}
	done, err := r.s.rollups.alone(ctx, selection)
	if err != nil {
		return nil, err
	}
	defer done()
	if found, missing, err = r.kept(selection, months); err != nil {
		return nil, err
	}
	for pending := batches(missing, (len(members)+1)*monthDays); len(pending) > 0; {
		some := pending[0]
		pending = pending[1:]
		var chosen []month
		for _, i := range some {
			chosen = append(chosen, months[i])
		}
		made, err := r.make(ctx, members, of, chosen)
		if half := len(some) / 2; half > 0 && errors.Is(err, errs.Unavailable) { // the engine's memory may do for fewer
			pending = append([][]int{some[:half], some[half:]}, pending...)
			continue
		}
		if err != nil {
			if errs.Kind(err) == "too_large" {
				for _, m := range chosen {
					r.s.rollups.put(r.key(selection, m), tooMany, 100)
				}
				err = errTooMany
			}
			return nil, err
		}
		for j, i := range some {
			found[i] = made[j]
			r.s.rollups.put(r.key(selection, months[i]), made[j], made[j].bytes())
		}
	}
	return found, nil
}

func (r *reading) key(selection fingerprint, m month) rollupKey {
	return rollupKey{m.name(), fingerprintOf(r.snapshot.Files[m.name()]), r.zone.String(), selection}
}

// kept returns the rollups of months that there are, and the places of those that
// there aren't.
func (r *reading) kept(selection fingerprint, months []month) (found []*rollup, missing []int, err error) {
	found = make([]*rollup, len(months))
	for i, m := range months {
		if len(r.snapshot.Files[m.name()]) == 0 {
			found[i] = &rollup{} // nothing was sold, and nobody has to look
			continue
		}
		switch kept := r.s.rollups.get(r.key(selection, m)).(type) {
		case *rollup:
			found[i] = kept
		case string:
			return nil, nil, errTooMany
		default:
			missing = append(missing, i)
		}
	}
	return found, missing, nil
}

// batches puts places that follow one another together, as many as a query may
// have rows for.
func batches(places []int, rows int) (list [][]int) {
	most := max(queryRows/rows, 1)
	for _, i := range places {
		if n := len(list) - 1; n >= 0 && len(list[n]) < most && list[n][len(list[n])-1] == i-1 {
			list[n] = append(list[n], i)
		} else {
			list = append(list, []int{i})
		}
	}
	return list
}

// place is a day of a rollup.
type place struct{ rollup, day int }

// make has the lakehouse make the rollups of months that follow one another.
func (r *reading) make(ctx context.Context, members []string, of products, months []month) ([]*rollup, error) {
	made := make([]*rollup, len(months))
	at := map[int64]place{}
	starts := make([][]time.Time, len(months))
	for i, m := range months {
		pieces, err := m.pieces(r.zone)
		if err != nil {
			return nil, err
		}
		made[i] = &rollup{}
		for n, p := range pieces {
			at[p.start.UnixMicro()] = place{i, n}
			starts[i] = append(starts[i], p.start)
			made[i].days = append(made[i].days, p.day)
		}
	}
	until := months[len(months)-1].end
	err := r.lakeSales(ctx, members, len(members), slices.Concat(starts...), until, func(group int, start time.Time, s Sales) {
		p := at[start.UnixMicro()]
		in := made[p.rollup].of(s.NetSales.Currency)
		in.sums = append(in.sums, daySum{int32(group), int32(p.day), s.Orders, s.Lines, s.Units, int64(s.NetSales.Amount)})
	})
	if err != nil || len(of.ids) == 0 {
		return made, err
	}
	most := max(queryRows/len(of.ids), 1) // of months at once
	for i := 0; i < len(months); i += most {
		end := min(i+most, len(months))
		err := r.lakeDays(ctx, of, slices.Concat(starts[i:end]...), months[end-1].end, func(start time.Time, currency string, product int, days uint64) {
			in := made[at[start.UnixMicro()].rollup].of(currency)
			in.sold = append(in.sold, soldOn{product, days})
		})
		if err != nil {
			return nil, err
		}
	}
	return made, nil
}

// lakeDays has the lakehouse tell on which days products sold, by month.
func (r *reading) lakeDays(ctx context.Context, of products, starts []time.Time, until time.Time, each func(month time.Time, currency string, product int, days uint64)) error {
	args := map[string]any{"days": starts, "since": starts[0], "until": until}
	for _, ids := range of.texts(queryRows) {
		args["products"] = ids
		err := r.s.lake.Query(ctx, "tag_days", r.snapshot.ID, args, func(scan func(...any) error) error {
			var month time.Time
			var currency string
			var product, days int64
			err := scan(&month, &currency, &product, &days)
			if err == nil {
				place, _ := of.place(product)
				each(month, currency, place, uint64(days))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
