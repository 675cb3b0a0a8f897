package runs

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Filter says which runs are wanted; the zero value of each field means all.
type Filter struct {
	Scenario string
	Status   string
	Trigger  string
	From, To time.Time // created at or after From, and before To
}

// Position is the place of a run in the list of runs, newest first.
type Position struct {
	CreatedAt time.Time `json:"createdAt"`
	ID        uuid.UUID `json:"runId"`
}

// Position returns the run's place in the list.
func (r Run) Position() Position { return Position{r.CreatedAt, r.ID} }

// List returns the latest runs, newest first; scenario "" means all.
func (s *Store) List(ctx context.Context, scenario string, limit int) ([]Run, error) {
	return s.Find(ctx, Filter{Scenario: scenario}, nil, limit)
}

// Find returns up to limit runs that a filter lets pass, newest first, of those
// that come after a position; nil is the beginning.
func (s *Store) Find(ctx context.Context, f Filter, after *Position, limit int) ([]Run, error) {
	p := pgdb.ListRunsParams{
		Scenario: given(f.Scenario), Status: given(f.Status), Trigger: given(f.Trigger),
		CreatedFrom: given(f.From), CreatedTo: given(f.To), RowLimit: int32(limit),
	}
	if after != nil {
		p.AfterAt, p.AfterID = &after.CreatedAt, &after.ID
	}
	rows, err := pgdb.New(s.db).ListRuns(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]Run, len(rows))
	for i, row := range rows {
		list[i] = fromRow(row)
	}
	return list, nil
}

// given returns nil for the zero value.
func given[T comparable](v T) *T {
	if zero := *new(T); v == zero {
		return nil
	}
	return &v
}
