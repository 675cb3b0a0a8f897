package designers

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// query is the lakehouse's query that all answers are made of.
const query = "designer_sales"

// book is who has sold what in some days.
type book struct {
	period    shop.Period
	zone      string
	asOf      uuid.UUID
	currency  string              // the shop's
	designers []designer.Designer // by name
	products  map[int]int64       // that are in Shopify, by designer or nobody
	sold      map[place]sold
}

// open reads the book of a period.
func (s *Service) open(ctx context.Context, r Range) (*book, error) {
	c, err := catalog.ReadCalendar(ctx, s.db)
	if err != nil {
		return nil, err
	}
	b := &book{zone: c.Zone.String(), asOf: r.AsOf, currency: c.Currency, products: map[int]int64{}}
	if b.period, err = periodOf(shop.Period{From: r.From, To: r.To}, c.Today()); err != nil {
		return nil, err
	}
	if b.designers, err = designer.All(ctx, s.db); err != nil {
		return nil, err
	}
	teams, members, err := s.teams(ctx, b)
	if err != nil {
		return nil, err
	}
	bundles, err := s.ask(ctx, b, c.Zone, teams, members)
	b.sold = attribute(teams, bundles)
	return b, err
}

// teams returns which designers share products, with the ids of these as the
// lakehouse's query takes them, and counts the products of each.
func (s *Service) teams(ctx context.Context, b *book) (teams [][]int, members []string, err error) {
	p := pgdb.DesignedProductsParams{Designers: []int32{}, Tags: []string{}} // NULL is no list
	for i, d := range b.designers {
		for _, tag := range d.Payload.Tags {
			p.Designers, p.Tags = append(p.Designers, int32(i)), append(p.Tags, tag)
		}
	}
	rows, err := pgdb.New(s.db).DesignedProducts(ctx, p)
	for _, r := range rows {
		if len(r.Designers) == 0 {
			b.products[nobody] = r.Products
			continue
		}
		team := make([]int, len(r.Designers))
		for i, n := range r.Designers {
			team[i] = int(n)
			b.products[int(n)] += r.Products
		}
		teams, members = append(teams, team), append(members, r.Members)
	}
	return teams, members, err
}

// ask asks the lakehouse for the sales of teams.
func (s *Service) ask(ctx context.Context, b *book, zone *time.Location, teams [][]int, members []string) (list []bundle, err error) {
	since, until, err := b.period.Bounds(zone)
	if err != nil {
		return nil, err
	}
	sizes := make([]int64, len(teams))
	for i, team := range teams {
		sizes[i] = int64(len(team))
	}
	run := ""
	if b.asOf != uuid.Nil {
		run = b.asOf.String()
	}
	args := map[string]any{"members": append([]string{}, members...), "sizes": sizes, "since": since, "until": until}
	err = s.lake.QueryRun(ctx, query, run, args, func(scan func(...any) error) error {
		var team int64
		var units, net *int64
		var one bundle
		if err := scan(&team, &one.currency, &units, &net, &one.lines, &one.total); err != nil {
			return err
		}
		one.team = int(team)
		if one.units = units != nil; one.units {
			one.rest = *units
		} else if net != nil {
			one.rest = *net
		}
		list = append(list, one)
		return nil
	})
	if run != "" && errs.Kind(err) == "not_found" {
		var faults api.Faults
		faults.Add("query.asOf", "names no run whose state is kept: those of the last 90 days are, where runs have ended")
		return nil, errs.WithRemedy(faults.Err(),
			"leave it out, name a later run of GET /api/ingest/runs, or load the archive of this one into a new database with `macrodata replay`")
	}
	return list, err
}

// entries are the rows of the list, in order.
func (b *book) entries() (list []Entry) {
	of := map[string]sold{}
	all := currencies(b.sold, b.currency)
	for _, c := range all {
		attributed, rest := whole(b.sold, c)
		of[c] = sold{attributed.units + rest.units, attributed.net + rest.net}
	}
	add := func(number int, e Entry) {
		for _, c := range all {
			s, has := b.sold[place{number, c}]
			if !has && c != b.currency {
				continue
			}
			e.Products, e.Sales = b.products[number], figures(s, of[c], c)
			list = append(list, e)
		}
	}
	for i, d := range b.designers {
		add(i, Entry{
			Row: "designer", DesignerName: &d.Payload.DesignerName, Version: &d.Version, Tags: append([]string{}, d.Payload.Tags...),
			UpdatedBy: &d.UpdatedBy, UpdatedAt: &d.UpdatedAt, key: d.Identifier,
		})
	}
	add(nobody, Entry{Row: "unattributed", Tags: []string{}})
	slices.SortFunc(list, func(a, b Entry) int { return a.position().compare(b.position()) })
	return list
}

// summary sums the book up.
func (b *book) summary() Summary {
	out := Summary{Period: b.period, TimeZone: b.zone, Basis: basis, Designers: int64(len(b.designers)), Sales: []Split{}}
	if b.asOf != uuid.Nil {
		out.AsOf = &b.asOf
	}
	for _, c := range currencies(b.sold, b.currency) {
		attributed, rest := whole(b.sold, c)
		total := sold{attributed.units + rest.units, attributed.net + rest.net}
		out.Sales = append(out.Sales, Split{figures(total, total, c), figures(attributed, total, c), figures(rest, total, c)})
	}
	return out
}
