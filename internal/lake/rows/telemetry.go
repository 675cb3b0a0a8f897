package rows

import (
	"encoding/json"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
)

// Event is something that happened in a workflow: a row of sync.telemetry.
type Event struct {
	EventID    string // of no other event
	OccurredAt time.Time
	Scenario   string
	RunID      string
	Step       string // "" where it is the workflow's
	Attempt    int    // 0 where it is not an attempt's
	Event      string // such as step_completed
	Level      string // info, warn, error
	Rows       int64
	Bytes      int64
	Duration   time.Duration // kept in whole milliseconds
	ErrorCode  string
	Message    string
	Attributes json.RawMessage // nil where there are none
}

func telemetrySchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		required("event_id", arrow.BinaryTypes.String),
		required("occurred_at", instant),
		required("scenario", arrow.BinaryTypes.String),
		required("run_id", arrow.BinaryTypes.String),
		optional("step", arrow.BinaryTypes.String),
		required("attempt", arrow.PrimitiveTypes.Int32),
		required("event", arrow.BinaryTypes.String),
		required("level", arrow.BinaryTypes.String),
		required("rows", arrow.PrimitiveTypes.Int64),
		required("bytes", arrow.PrimitiveTypes.Int64),
		required("duration_ms", arrow.PrimitiveTypes.Int64),
		optional("error_code", arrow.BinaryTypes.String),
		optional("message", arrow.BinaryTypes.String),
		optional("attributes", arrow.BinaryTypes.String),
	}, nil)
}

// Telemetry packs rows of sync.telemetry. It is for one goroutine.
type Telemetry struct{ builder }

// NewTelemetry returns an empty builder.
func NewTelemetry() *Telemetry { return &Telemetry{newBuilder(telemetrySchema())} }

// Add appends a row.
func (t *Telemetry) Add(e Event) {
	c := columns{b: t.b}
	c.text(e.EventID)
	c.instant(e.OccurredAt)
	c.text(e.Scenario)
	c.text(e.RunID)
	c.optionalText(e.Step)
	c.int32(e.Attempt)
	c.text(e.Event)
	c.text(e.Level)
	c.int64(e.Rows)
	c.int64(e.Bytes)
	c.int64(e.Duration.Milliseconds())
	c.optionalText(e.ErrorCode)
	c.optionalText(e.Message)
	c.optionalText(string(e.Attributes))
	t.rows++
}
