package app

import (
	"context"

	"github.com/macrodata-dev/macrodata/internal/telemetry"
)

// eventLake is the lakehouse as readers of events see it. It asks for the
// engine when it is asked itself, so that the zero App has one, too.
type eventLake struct{ *App }

var _ telemetry.Lakehouse = eventLake{}

// Query asks the query engine.
func (l eventLake) Query(ctx context.Context, name, asOf string, args map[string]any, row func(scan func(dest ...any) error) error) error {
	return l.Duck.Query(ctx, name, asOf, args, row)
}
