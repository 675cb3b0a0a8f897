package runs

import (
	"context"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Beat says that some runs are worked on, and marks as [Lost] those that nobody
// has said it of for a minute. Every process calls it every few seconds, so that
// a loss is seen also where no process is left to work. A lost run is running
// again once it is worked on. Ids that are no run's are passed over, and so is a
// run that has ended.
func (s *Store) Beat(ctx context.Context, ids []string) error {
	alive := make([]uuid.UUID, 0, len(ids))
	for _, text := range ids {
		if id, err := uuid.Parse(text); err == nil {
			alive = append(alive, id)
		}
	}
	q := pgdb.New(s.db)
	if len(alive) > 0 {
		if err := q.BeatRuns(ctx, alive); err != nil {
			return err
		}
	}
	return q.LoseRuns(ctx)
}
