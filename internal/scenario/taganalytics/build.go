package taganalytics

import (
	"context"
	"errors"
	"fmt"
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
	// quick is a query after which the next may take twice as many months.
	quick = time.Second
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
	starts, until, err := instants(q.parts, r.Zone)
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
// makes them waits for these. It begins with a month, and takes more at once while
// that is quick: what is made before the caller's time is up is kept, and who asks
// again gets further.
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
	most := max(queryRows/((len(members)+1)*monthDays), 1) // of months at once
	for at := 1; len(missing) > 0; {
		some := following(missing, at)
		var chosen []month
		for _, i := range some {
			chosen = append(chosen, months[i])
		}
		began := time.Now()
		made, err := r.make(ctx, members, of, chosen)
		switch {
		case err == nil:
		case errors.Is(err, errs.Unavailable) && len(some) > 1: // the engine's memory may do for fewer
			at = len(some) / 2
			most = at
			continue
		case errs.Kind(err) == "too_large":
			for _, m := range chosen {
				r.s.rollups.put(r.key(selection, m), tooMany, 100)
			}
			return nil, errTooMany
		case ctx.Err() != nil:
			return nil, errs.WithRemedy(err, fmt.Sprintf("ask again: %d of %d months are summed up and kept", len(months)-len(missing), len(months)))
		default:
			return nil, err
		}
		for j, i := range some {
			found[i] = made[j]
			r.s.rollups.put(r.key(selection, months[i]), made[j], made[j].bytes())
		}
		missing = missing[len(some):]
		if time.Since(began) < quick {
			at = min(2*at, most)
		}
	}
	return found, nil
}

func (r *reading) key(selection fingerprint, m month) rollupKey {
	return rollupKey{m.name(), fingerprintOf(r.snapshot.Files[m.name()]), r.Zone.String(), selection}
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

// following returns the first places that follow one another, at most so many.
func following(places []int, most int) []int {
	n := 1
	for n < min(most, len(places)) && places[n] == places[n-1]+1 {
		n++
	}
	return places[:n]
}

// place is a day of a rollup.
type place struct{ rollup, day int }

// make has the lakehouse make the rollups of months that follow one another.
func (r *reading) make(ctx context.Context, members []string, of products, months []month) ([]*rollup, error) {
	made := make([]*rollup, len(months))
	at := map[int64]place{}
	starts := make([][]time.Time, len(months))
	for i, m := range months {
		pieces, err := m.pieces(r.Zone)
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
