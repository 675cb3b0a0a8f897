package combolog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/runs"
)

type importRequest struct {
	RawBody []byte `contentType:"text/csv" required:"true"`
}

// startImport keeps a file that is a table of combos, and starts to read it.
func (s *Service) startImport(ctx context.Context, req *importRequest) (*api.Started, error) {
	if _, faults := readSheet(req.RawBody); len(faults) > 0 {
		return nil, faults
	}
	id, p, body := api.KeyID(ctx), params{RequestedBy: api.PrincipalOf(ctx).Name}, string(req.RawBody)
	if err := pgdb.New(s.db).AddComboImport(ctx, pgdb.AddComboImportParams{RunID: id, Body: &body, CreatedBy: p.RequestedBy}); err != nil {
		return nil, err
	}
	if err := s.workflow.Start(ctx, id.String(), p); err != nil {
		return nil, err
	}
	// The workflow writes the row too, so nothing hangs on who comes first.
	if err := s.open(ctx, id, p); err != nil {
		return nil, err
	}
	return &api.Started{Data: api.Start{RunID: id, StatusURL: path + "/imports/" + id.String()}}, nil
}

func (s *Service) open(ctx context.Context, id uuid.UUID, p params) error {
	return s.runs.Create(ctx, runs.Request{ID: id, Scenario: ID, Trigger: runs.Manual, RequestedBy: p.RequestedBy, Params: p})
}

// Import is a file of combos, and what became of it.
type Import struct {
	RunID     uuid.UUID   `json:"runId"`
	Status    string      `json:"status" enum:"reading,read,confirmed" doc:"Where it stays at reading, its run tells why."`
	CreatedBy string      `json:"createdBy"`
	CreatedAt time.Time   `json:"createdAt"`
	Counts    Counts      `json:"counts"`
	Rows      []ImportRow `json:"rows" doc:"In the order of the file."`
	Written   *Written    `json:"written,omitempty" doc:"What its confirmation did."`
}

// Counts are how many rows there are of each kind.
type Counts struct {
	Rows      int `json:"rows"`
	Valid     int `json:"valid"`
	Unchanged int `json:"unchanged"`
	Ambiguous int `json:"ambiguous"`
	Wrong     int `json:"wrong"`
}

func countsOf(rows []ImportRow) (c Counts) {
	c.Rows = len(rows)
	for _, v := range rows {
		switch v.Status {
		case Valid:
			c.Valid++
		case Unchanged:
			c.Unchanged++
		case Ambiguous:
			c.Ambiguous++
		case Wrong:
			c.Wrong++
		}
	}
	return c
}

// Written is what the confirmation of an import did.
type Written struct {
	RunID       uuid.UUID  `json:"runId"`
	Created     int        `json:"created"`
	Changed     int        `json:"changed"`
	Unchanged   int        `json:"unchanged"`
	Combos      []Logged   `json:"combos" doc:"Of the rows that were written, in the order of the file."`
	ChangeID    *uuid.UUID `json:"changeId,omitempty" doc:"POST /api/changes/{id}/undo brings all of it back. Left out where nothing was written."`
	ConfirmedBy string     `json:"confirmedBy"`
	ConfirmedAt time.Time  `json:"confirmedAt"`
}

// Logged is the combo of a row.
type Logged struct {
	Row        int       `json:"row"`
	ComboID    uuid.UUID `json:"comboId"`
	Identifier string    `json:"identifier"`
}

type runRequest struct {
	RunID uuid.UUID `path:"runId"`
}

func (s *Service) readImport(ctx context.Context, req *runRequest) (*api.One[Import], error) {
	r, err := pgdb.New(s.db).ReadComboImport(ctx, req.RunID)
	if err != nil {
		return nil, missing(err)
	}
	i, err := unpack(r)
	if err != nil {
		return nil, err
	}
	return &api.One[Import]{Data: i}, nil
}

func missing(err error) error {
	if pg.NoRows(err) {
		return errs.WithRemedy(fmt.Errorf("there is no import of this run: %w", errs.NotFound), "take the runId that POST "+path+"/import answered")
	}
	return err
}

func unpack(r pgdb.CombologImport) (i Import, err error) {
	i = Import{RunID: r.RunID, Status: "reading", CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Rows: []ImportRow{}}
	if r.RowVerdicts != nil {
		i.Status = "read"
		err = json.Unmarshal(r.RowVerdicts, &i.Rows)
	}
	if r.Written != nil && err == nil {
		i.Status = "confirmed"
		err = json.Unmarshal(r.Written, &i.Written)
	}
	if err != nil {
		return i, fmt.Errorf("import %s: %w: %w", r.RunID, err, errs.Corrupt)
	}
	i.Counts = countsOf(i.Rows)
	return i, nil
}

type confirmRequest struct {
	RunID uuid.UUID `path:"runId"`
	Body  *struct {
		Choices []Choice `json:"choices,omitempty" nullable:"false" maxItems:"10000" doc:"Which products the ambiguous rows mean."`
	}
}

func (s *Service) confirm(ctx context.Context, req *confirmRequest) (*api.One[Written], error) {
	var choices []Choice
	if req.Body != nil {
		choices = req.Body.Choices
	}
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[Written], error) {
		r, err := pgdb.New(tx).LockComboImport(ctx, req.RunID)
		if err != nil {
			return nil, missing(err)
		}
		i, err := unpack(r)
		if err != nil {
			return nil, err
		}
		if i.Written == nil {
			if i.Written, err = write(ctx, tx, i, choices); err != nil {
				return nil, err
			}
		}
		return &api.One[Written]{Data: *i.Written}, nil
	})
}

// write writes what an import means, and down that it did.
func write(ctx context.Context, tx pg.Tx, i Import, choices []Choice) (*Written, error) {
	switch {
	case i.Status == "reading":
		return nil, errs.WithRemedy(fmt.Errorf("the file is not read yet: %w", errs.Conflict), "GET "+path+"/imports/"+i.RunID.String()+" tells when it is, and what its rows mean")
	case i.Counts.Wrong > 0:
		return nil, errs.WithRemedy(fmt.Errorf("%d of %d rows are wrong, so nothing is written: %w", i.Counts.Wrong, i.Counts.Rows, errs.Conflict),
			"GET "+path+"/imports/"+i.RunID.String()+" tells why; correct them in the file and import it again")
	}
	list, of, faults := writes(i.Rows, choices)
	if len(faults) > 0 {
		return nil, faults[:min(len(faults), maxFaults)]
	}
	done, change, err := combo.Apply(ctx, tx, list)
	if err != nil {
		return nil, byRow(err, i.Rows, of)
	}
	w := &Written{RunID: i.RunID, Unchanged: i.Counts.Unchanged, Combos: []Logged{}, ConfirmedBy: api.PrincipalOf(ctx).Name, ConfirmedAt: time.Now().UTC()}
	if change != uuid.Nil {
		w.ChangeID = &change
	}
	for n, c := range done {
		w.Combos = append(w.Combos, Logged{i.Rows[of[n]].Row, c.ID, c.Identifier})
		if list[n].ID == uuid.Nil {
			w.Created++
		} else {
			w.Changed++
		}
	}
	written, err := json.Marshal(w)
	if err != nil {
		return nil, err
	}
	return w, pgdb.New(tx).ConfirmComboImport(ctx, pgdb.ConfirmComboImportParams{RunID: i.RunID, Written: written})
}

// byRow tells which row it is that doesn't fit any more, or that a choice made
// wrong.
func byRow(err error, rows []ImportRow, of []int) error {
	var misfit *combo.Misfit
	if !errors.As(err, &misfit) {
		return err
	}
	row := rows[of[misfit.Index]].Row
	var faults api.Faults
	switch {
	case errors.As(err, &faults):
		told := make(api.Faults, len(faults))
		for n, f := range faults {
			told[n] = api.Fault{Location: "body", Message: fmt.Sprintf("row %d, %s: %s", row, columnOf(f.Location), f.Message)}
		}
		return told
	case errors.Is(err, errs.Stale), errors.Is(err, errs.NotFound):
		return errs.WithRemedy(fmt.Errorf("the combo of row %d was changed or deleted since the file was read: %w", row, errs.Conflict), "import the file again and look at what it means now")
	}
	return err
}
