package performance

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/catalog"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

type metricRequest struct {
	MetricID uuid.UUID `path:"metricId"`
}

func (s *Service) get(ctx context.Context, req *metricRequest) (*api.One[metric], error) {
	r, err := pgdb.New(s.db).ReadMetric(ctx, req.MetricID)
	if pg.NoRows(err) || err == nil && r.DeletedAt != nil {
		return nil, noMetric()
	}
	if err != nil {
		return nil, err
	}
	c, err := catalog.ReadCalendar(ctx, s.db)
	return &api.One[metric]{Data: metricOf(&r, c.Currency)}, err
}

func noMetric() error {
	return errs.WithRemedy(fmt.Errorf("there is no such metric: %w", errs.NotFound), "GET /api/performance-metrics lists what there is")
}

// Recording is a metric to be recorded.
type Recording struct {
	ProductID *shop.ID  `json:"productId,omitempty" doc:"Of what; needed for each metric."`
	AsOf      *shop.Day `json:"asOf,omitempty" doc:"The shop day from which on it holds; today where it is left out."`
	Naming
}

type createRequest struct {
	Body struct {
		Recording
		Metrics []Recording `json:"metrics,omitempty" minItems:"1" maxItems:"1000" doc:"Several metrics, instead of one."`
	}
}

func (s *Service) create(ctx context.Context, req *createRequest) (*api.One[written], error) {
	c, err := catalog.ReadCalendar(ctx, s.db)
	if err != nil {
		return nil, err
	}
	var faults api.Faults
	list, single := req.Body.Metrics, req.Body.Recording
	at := func(i int) string { return fmt.Sprintf("body.metrics[%d]", i) }
	switch {
	case list == nil:
		list, at = []Recording{single}, func(int) string { return "body" }
	case single != Recording{}:
		faults.Add("body", "gives a metric beside metrics: give one or the other")
	}
	rows, err := newRows(list, at, c, &faults)
	if err != nil {
		return nil, err
	}
	if err := checkProducts(ctx, s.db, rows, at, &faults); err != nil {
		return nil, err
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[written], error) {
		rows, err := write(ctx, tx, createOp, nil, rows)
		return writtenOf(rows, c.Currency), err
	})
}

// newRows makes rows of what is to be recorded, and notes what is wrong.
func newRows(list []Recording, at func(int) string, c catalog.Calendar, f *api.Faults) ([]image, error) {
	ids, err := newIDs(len(list))
	rows := make([]image, len(list))
	type subject struct {
		product shop.ID
		asOf    shop.Day
	}
	seen := map[subject]int{}
	for i := range list {
		day := c.Today()
		if list[i].AsOf != nil {
			day = *list[i].AsOf
		}
		on, parseErr := parseDay(day)
		if parseErr != nil {
			f.Add(at(i)+".asOf", "is no day")
			continue
		}
		rows[i] = image{MetricID: ids[i], Source: manual, AsOf: on.time()}
		list[i].fill(&rows[i], at(i), c.Currency, f)
		if list[i].ProductID == nil || *list[i].ProductID == 0 {
			f.Add(at(i)+".productId", "is missing")
			continue
		}
		rows[i].ProductID = int64(*list[i].ProductID)
		if first, ok := seen[subject{*list[i].ProductID, day}]; ok {
			f.Add(at(i), "is of the product and day of metrics[%d]", first)
		}
		seen[subject{*list[i].ProductID, day}] = i
	}
	return rows, err
}

func checkProducts(ctx context.Context, db *pg.DB, rows []image, at func(int) string, f *api.Faults) error {
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.ProductID
	}
	known, err := pgdb.New(db).KnownProducts(ctx, ids)
	for i, id := range ids {
		if err == nil && id != 0 && !slices.Contains(known, id) {
			f.Add(at(i)+".productId", "is no product that a sync has brought")
		}
	}
	return err
}

// Revision is what an existing metric is to become.
type Revision struct {
	AsOf *shop.Day `json:"asOf,omitempty" doc:"The shop day from which on it holds; as it was where it is left out."`
	Naming
}

type changeManyRequest struct {
	Body struct {
		Metrics []struct {
			MetricID uuid.UUID `json:"metricId"`
			Version  *int64    `json:"version,omitempty" minimum:"1" doc:"When it was read; what was changed since is refused."`
			Revision
		} `json:"metrics" minItems:"1" maxItems:"1000"`
	}
}

func (s *Service) changeMany(ctx context.Context, req *changeManyRequest) (*api.One[written], error) {
	var list []edit
	for i, m := range req.Body.Metrics {
		list = append(list, edit{id: m.MetricID, version: m.Version, to: m.Revision, at: fmt.Sprintf("body.metrics[%d]", i)})
	}
	rows, c, err := s.edit(ctx, changeManyOp, list)
	if err != nil {
		return nil, err
	}
	return writtenOf(rows, c.Currency), nil
}

type changeRequest struct {
	MetricID uuid.UUID `path:"metricId"`
	api.IfMatch
	Body Revision
}

func (s *Service) change(ctx context.Context, req *changeRequest) (*api.One[metric], error) {
	rows, c, err := s.edit(ctx, changeOp, []edit{{id: req.MetricID, version: versionOf(req.IfMatch), to: req.Body, at: "body"}})
	if err != nil {
		return nil, err
	}
	return &api.One[metric]{Data: metricOf(&rows[0], c.Currency)}, nil
}

func versionOf(m api.IfMatch) *int64 {
	if v, ok := m.Version(); ok {
		return &v
	}
	return nil
}

type deleteManyRequest struct {
	MetricID []uuid.UUID `query:"metricId,explode" maxItems:"1000" doc:"Which, where there is no body."`
	Body     *struct {
		MetricIDs []uuid.UUID `json:"metricIds" minItems:"1" maxItems:"1000" doc:"Which."`
	} `required:"false"`
}

func (s *Service) deleteMany(ctx context.Context, req *deleteManyRequest) error {
	var faults api.Faults
	ids := req.MetricID
	switch {
	case req.Body != nil && len(ids) > 0:
		faults.Add("query.metricId", "is given beside a body: give one or the other")
	case req.Body != nil:
		ids = req.Body.MetricIDs
	case len(ids) == 0:
		faults.Add("query.metricId", "is missing, and so is a body with metricIds")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	var list []edit
	for _, id := range ids {
		list = append(list, edit{id: id, drop: true})
	}
	_, _, err := s.edit(ctx, deleteManyOp, list)
	return err
}

type removeRequest struct {
	MetricID uuid.UUID `path:"metricId"`
	api.IfMatch
}

func (s *Service) remove(ctx context.Context, req *removeRequest) error {
	_, _, err := s.edit(ctx, deleteOp, []edit{{id: req.MetricID, version: versionOf(req.IfMatch), drop: true}})
	return err
}

// edit is what is to become of a metric.
type edit struct {
	id      uuid.UUID
	version *int64 // that the caller saw; nil for whichever it is
	to      Revision
	drop    bool
	at      string // of faults
}

// edit changes or deletes metrics by hand, all or none.
func (s *Service) edit(ctx context.Context, operation string, list []edit) (rows []image, c catalog.Calendar, err error) {
	if c, err = catalog.ReadCalendar(ctx, s.db); err != nil {
		return nil, c, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		before, after, err := revise(ctx, tx, list, c)
		if err == nil {
			rows, err = write(ctx, tx, operation, before, after)
		}
		return err
	})
	return rows, c, err
}

// revise locks metrics and returns them as they are and as they are to be.
func revise(ctx context.Context, tx pg.Tx, list []edit, c catalog.Calendar) (before, after []image, err error) {
	ids := make([]uuid.UUID, len(list))
	for i, e := range list {
		ids[i] = e.id
	}
	locked, err := pgdb.New(tx).LockMetrics(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	now := map[uuid.UUID]image{}
	for _, r := range locked {
		now[r.MetricID] = r
	}
	var faults api.Faults
	for _, e := range list {
		r, ok := now[e.id]
		delete(now, e.id) // one that is named twice is not there again
		switch {
		case !ok || r.DeletedAt != nil:
			return nil, nil, noMetric()
		case r.Source == synced:
			return nil, nil, errs.WithRemedy(fmt.Errorf("metric %s was measured, and the next sync measures it anew: %w", r.MetricID, errs.Conflict),
				"record one by hand, which lies over it: POST /api/performance-metrics")
		case e.version != nil && *e.version != r.Version:
			return nil, nil, errs.WithRemedy(fmt.Errorf("metric %s was changed since: %w", r.MetricID, errs.Stale), "read it again, and change what it is now")
		}
		before = append(before, r)
		if e.drop {
			at := time.Now().UTC()
			r.DeletedAt = &at
		} else {
			if e.to.AsOf != nil {
				on, err := parseDay(*e.to.AsOf)
				if err != nil {
					faults.Add(e.at+".asOf", "is no day")
				}
				r.AsOf = on.time()
			}
			e.to.fill(&r, e.at, c.Currency, &faults)
		}
		after = append(after, r)
	}
	return before, after, faults.Err()
}
