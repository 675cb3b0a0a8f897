package combolog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/settings"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

type params struct {
	RequestedBy string `json:"requestedBy"`
}

// read says of each row of a file what it means. What it writes is in the
// transaction of its step.
func (s *Service) read(r *workflow.Run, p params) (counts Counts, err error) {
	id, err := uuid.Parse(r.ID())
	if err != nil {
		return counts, err
	}
	defer func() { s.runs.Fail(r.Context(), id, s.log, runs.Outcome{Counts: counts, Err: err}) }()
	_, err = workflow.Do(r, "open", func(ctx context.Context) (struct{}, error) {
		if err := s.open(ctx, id, p); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.runs.Begin(ctx, id)
	})
	if err != nil {
		return counts, err
	}
	counts, err = workflow.Tx(r, "read", func(ctx context.Context) (func(context.Context, pg.Tx) (Counts, error), error) {
		rows, err := s.judgeAll(ctx, id)
		if err != nil {
			return nil, err
		}
		verdicts, err := json.Marshal(rows)
		return func(ctx context.Context, tx pg.Tx) (Counts, error) {
			return countsOf(rows), pgdb.New(tx).JudgeComboImport(ctx, pgdb.JudgeComboImportParams{RunID: id, RowVerdicts: verdicts})
		}, err
	})
	if err != nil {
		return counts, err
	}
	_, err = workflow.Tx(r, "close", func(context.Context) (func(context.Context, pg.Tx) (struct{}, error), error) {
		return func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			return struct{}{}, runs.Close(ctx, tx, id, runs.Outcome{Status: runs.Completed, Counts: counts})
		}, nil
	})
	return counts, err
}

// judgeAll says of each row of an import what it means as things are now.
func (s *Service) judgeAll(ctx context.Context, id uuid.UUID) ([]ImportRow, error) {
	r, err := pgdb.New(s.db).ReadComboImport(ctx, id)
	if err != nil {
		return nil, missing(err)
	}
	if r.Body == nil {
		return nil, fmt.Errorf("the file of import %s is gone: %w", id, errs.Corrupt)
	}
	sheet, faults := readSheet([]byte(*r.Body))
	if len(faults) > 0 {
		return nil, faults
	}
	set, err := settings.Read(ctx, s.db)
	if err != nil {
		return nil, err
	}
	references, identifiers := []string{}, []string{} // NULL is no list
	for _, row := range sheet.rows {
		references = append(references, list(row.values["products"])...)
		identifiers = append(identifiers, row.values["identifier"])
	}
	named, err := combo.FindAll(ctx, s.db, identifiers)
	if err != nil {
		return nil, err
	}
	combos := map[string]*combo.Combo{}
	for i, c := range named {
		combos[c.Identifier] = &named[i]
	}
	matches, err := resolve(ctx, s.db, references)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	rows := make([]ImportRow, len(sheet.rows))
	for n, row := range sheet.rows {
		before, first := combos[row.values["identifier"]], 0
		if before != nil {
			if first = seen[before.Identifier]; first == 0 {
				seen[before.Identifier] = row.number
			}
		}
		rows[n] = judge(row, before, first, set, matches)
	}
	return rows, nil
}
