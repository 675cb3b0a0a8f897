package lake

import (
	"context"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/outbox"
)

// TableStatus is the state of a table and of the stream that feeds it.
type TableStatus struct {
	Table     string    `json:"table"`
	Snapshot  int64     `json:"snapshot,string"` // 0 where nothing was ever committed
	At        time.Time `json:"at"`              // of the snapshot
	Snapshots int       `json:"snapshots"`
	Tags      int       `json:"tags"`
	Files     int       `json:"files"`
	Rows      int64     `json:"rows"` // with superseded versions
	Bytes     int64     `json:"bytes"`
	Committed int64     `json:"committed"` // the last batch that the table has

	Last         int64   `json:"last"` // the last batch of the stream
	WaitingRows  int64   `json:"waitingRows"`
	WaitingBytes int64   `json:"waitingBytes"`
	WaitingFor   float64 `json:"waitingSeconds"` // of the oldest batch
}

// Status returns the state of all tables.
func (l *Lake) Status(ctx context.Context) (list []TableStatus, err error) {
	defer errs.Wrap(&err, "read the state of the lakehouse")
	streams, err := outbox.Status(ctx, l.db)
	if err != nil {
		return nil, err
	}
	for _, t := range l.tables {
		s, err := l.tableStatus(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		for _, o := range streams {
			if o.Stream == t.Name {
				s.Last, s.WaitingRows, s.WaitingBytes, s.WaitingFor = o.Last, o.Rows, o.Bytes, o.Age.Seconds()
			}
		}
		list = append(list, s)
	}
	return list, nil
}

func (l *Lake) tableStatus(ctx context.Context, name string) (s TableStatus, err error) {
	tbl, err := l.load(ctx, name)
	if err != nil {
		return s, err
	}
	tags, err := l.Tags(ctx, name)
	if err != nil {
		return s, err
	}
	plan, err := l.Plan(ctx, name, "")
	if err != nil {
		return s, err
	}
	s = TableStatus{
		Table: name, Snapshot: plan.Snapshot, At: plan.At,
		Snapshots: len(tbl.Metadata().Snapshots()), Tags: len(tags), Files: len(plan.Files),
	}
	for _, f := range plan.Files {
		s.Rows += f.Rows
		s.Bytes += f.Bytes
	}
	s.Committed, err = sequenceOf(tbl)
	return s, err
}
