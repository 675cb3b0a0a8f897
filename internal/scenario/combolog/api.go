package combolog

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

const path = "/api/combo-logs"

func endpoints(s *Service) []api.Endpoint {
	return []api.Endpoint{
		api.ListOf(path, "listComboLogs", "Lists the combos of the log, newest first.", s.list, Entry.position),
		api.Post(path, combo.CreateOperation, "Logs a combo under the next identifier of its prefix.", s.create,
			api.Describe("The identifier is made of the type, the products' lines, how many products there are, the audience, and a number that rises and is never given twice: CT-IPH+SAM-3-MEN-012.")),
		api.CSVOf(path+"/export", "exportComboLogs", "Sends the log as a CSV that an import reads back unchanged.", s.export, exported.position,
			api.Describe("Products are written as title and #id; the id decides. Products and roles are divided by |.")),
		api.Post(path+"/import", "importComboLogs", "Reads a CSV of combos and says of each row what it means; nothing is written yet.", s.startImport, api.MaxBody(maxUpload), api.BodyExample("type,audience,products,startedOn\r\nSP,WOMEN,luna-moth-phone-case | 632910392,2026-03-01\r\n"),
			api.Describe(fmt.Sprintf("The columns are those of the export, in any order; a row with an identifier changes that combo, and columns that are left out stay as they are. "+
				"Products are named by id, handle or title, divided by |. At most %d rows with %d products, and 1 MiB. What can't be read as such a table is refused at once.", maxRows, maxNamed))),
		api.Get(path+"/imports/{runId}", "readComboImport", "Tells what each row of an import means.", s.readImport),
		api.Post(path+"/imports/{runId}/confirm", combo.ImportOperation, "Writes what an import means: all rows, or none.", s.confirm,
			api.Describe("Rows that are wrong have to be corrected in the file, which is imported again. A second confirmation answers what the first did.")),
		api.Get(path+"/{comboId}", "readComboLog", "Reads a combo.", s.get),
		api.Put(path+"/{comboId}", combo.UpdateOperation, "Replaces what is said of a combo; its identifier stays.", s.update),
		api.Delete(path+"/{comboId}", combo.RemoveOperation, "Deletes a combo; its identifier stays taken.", s.remove),
	}
}

// ComboProduct is a product of a combo.
type ComboProduct struct {
	ProductID shop.ID `json:"productId"`
	Title     string  `json:"title"`
	Handle    string  `json:"handle"`
	Role      string  `json:"role"`
	Position  int     `json:"position" doc:"1 is the first."`
}

// String is the product in a cell of a CSV.
func (i ComboProduct) String() string { return reference(i.Title, i.ProductID) }

// Entry is a combo of the log.
type Entry struct {
	api.Versioned
	ComboID    uuid.UUID      `json:"comboId"`
	Identifier string         `json:"identifier" doc:"Never changes." example:"SP-IPH-2-WOMEN-007"`
	Status     string         `json:"status" enum:"running,win,lose,inconclusive" doc:"running while there is no outcome."`
	Type       string         `json:"type" example:"SP"`
	Audience   string         `json:"audience" example:"WOMEN"`
	Products   []ComboProduct `json:"products" doc:"In their order."`
	combo.Details
	Source       string     `json:"source" enum:"manual,import,suggestion"`
	TemplateID   *uuid.UUID `json:"templateId,omitempty"`
	SuggestionID *uuid.UUID `json:"suggestionId,omitempty"`
	CreatedBy    string     `json:"createdBy"`
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedBy    string     `json:"updatedBy"`
	UpdatedAt    time.Time  `json:"updatedAt"`
}

func (e Entry) position() uuid.UUID { return e.ComboID }

// entries brings combos together with what their products are called.
func entries(ctx context.Context, db pgdb.DBTX, combos []combo.Combo) ([]Entry, error) {
	titles, err := titlesOf(ctx, db, combos)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, len(combos))
	for i, c := range combos {
		list[i] = Entry{
			Versioned: c.Versioned, ComboID: c.ID, Identifier: c.Identifier, Status: c.Status,
			Type: c.Payload.Type, Audience: c.Payload.Audience, Details: c.Payload.Details, Source: c.Payload.Source,
			TemplateID: c.Payload.TemplateID, SuggestionID: c.Payload.SuggestionID,
			CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt.UTC(), UpdatedBy: c.UpdatedBy, UpdatedAt: c.UpdatedAt.UTC(),
		}
		for _, p := range c.Payload.Products {
			t := titles[p.ProductID]
			list[i].Products = append(list[i].Products, ComboProduct{p.ProductID, t.Title, t.Handle, p.Role, p.Position})
		}
	}
	return list, nil
}

func titlesOf(ctx context.Context, db pgdb.DBTX, combos []combo.Combo) (map[shop.ID]Candidate, error) {
	var ids []int64
	for _, c := range combos {
		for _, p := range c.Payload.Products {
			ids = append(ids, int64(p.ProductID))
		}
	}
	return readTitles(ctx, db, ids)
}

type listRequest struct {
	api.Page
	Status    string `query:"status" enum:"running,win,lose,inconclusive" doc:"With this outcome; running where there is none yet."`
	Type      string `query:"type" maxLength:"100" doc:"Of this combo type."`
	Audience  string `query:"audience" maxLength:"100" doc:"To this audience."`
	ProductID string `query:"productId" maxLength:"100" doc:"With this product, by id or gid."`
	Words     string `query:"q" maxLength:"100" doc:"The identifier or the notes have this in them, without regard to case."`
}

func (s *Service) list(ctx context.Context, req *listRequest, after *uuid.UUID, limit int) ([]Entry, error) {
	f := combo.Filter{Status: req.Status, Type: req.Type, Audience: req.Audience, Text: req.Words}
	if req.ProductID != "" {
		id, err := shop.ParseID(req.ProductID)
		if err != nil {
			return nil, api.Faults{{Location: "query.productId", Message: "is no id of a product, such as 123 or gid://shopify/Product/123"}}
		}
		f.ProductID = id
	}
	var before uuid.UUID
	if after != nil {
		before = *after
	}
	combos, err := combo.List(ctx, s.db, f, before, limit)
	if err != nil {
		return nil, err
	}
	return entries(ctx, s.db, combos)
}

// Content is what a request says of a combo.
type Content struct {
	Type     string `json:"type,omitempty" maxLength:"100" doc:"One of the settings' combo types." example:"SP"`
	Audience string `json:"audience,omitempty" maxLength:"100" doc:"One of the settings' audiences." example:"WOMEN"`
	Products []struct {
		ProductID shop.ID `json:"productId"`
		Role      string  `json:"role,omitempty" maxLength:"400" doc:"At most 100 characters, without a |." example:"hero"`
		Position  int     `json:"position,omitempty" minimum:"1" doc:"From 1 on, in the order of the list; may be left out."`
	} `json:"products" minItems:"1" maxItems:"50" example:"[{\"productId\": \"632910392\", \"role\": \"hero\"}]"`
	combo.Details
}

func (c Content) report() combo.Report {
	r := combo.Report{Type: c.Type, Audience: c.Audience, Details: c.Details, Source: combo.Manual}
	for i, p := range c.Products {
		if p.Position == 0 {
			p.Position = i + 1
		}
		r.Products = append(r.Products, combo.Product{ProductID: p.ProductID, Role: p.Role, Position: p.Position})
	}
	return r
}

type createRequest struct {
	Body struct {
		TemplateID *uuid.UUID `json:"templateId,omitempty" doc:"Of the template that the combo is made of. Type, audience and channel are then the template's where they are left out, and its actions are done."`
		Content
	}
}

// Made is a combo that was logged just now.
type Made struct {
	Entry
	RunID *uuid.UUID `json:"runId,omitempty" doc:"Of the run that does the template's actions: GET /api/ingest/runs/{runId} tells how far it is."`
}

func (s *Service) create(ctx context.Context, req *createRequest) (*api.Created[Made], error) {
	var run *uuid.UUID
	made, err := api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.Created[Made], error) {
		c, err := combo.Combo{}, error(nil)
		if req.Body.TemplateID == nil {
			c, err = combo.Create(ctx, tx, req.Body.report())
		} else {
			id := api.KeyID(ctx)
			run = &id
			c, err = s.plans.Make(ctx, tx, id, *req.Body.TemplateID, req.Body.report())
		}
		if err != nil {
			return nil, err
		}
		list, err := entries(ctx, tx, []combo.Combo{c})
		if err != nil {
			return nil, err
		}
		return &api.Created[Made]{Data: Made{list[0], run}, Location: path + "/" + c.ID.String()}, nil
	})
	if err == nil && run != nil {
		if late := s.plans.Start(ctx, *run); late != nil {
			s.log.WarnContext(ctx, "actions of a template are started later", "run", run, "error", late)
		}
	}
	return made, err
}

type oneRequest struct {
	ComboID uuid.UUID `path:"comboId"`
}

func (s *Service) get(ctx context.Context, req *oneRequest) (*api.One[Entry], error) {
	c, err := combo.Get(ctx, s.db, req.ComboID)
	return one(ctx, s.db, c, err)
}

func one(ctx context.Context, db pgdb.DBTX, c combo.Combo, err error) (*api.One[Entry], error) {
	if err != nil {
		return nil, err
	}
	list, err := entries(ctx, db, []combo.Combo{c})
	if err != nil {
		return nil, err
	}
	return &api.One[Entry]{Data: list[0]}, nil
}

type updateRequest struct {
	api.IfMatch
	ComboID uuid.UUID `path:"comboId"`
	Body    Content
}

func (s *Service) update(ctx context.Context, req *updateRequest) (*api.One[Entry], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.One[Entry], error) {
		c, err := combo.Update(ctx, tx, req.ComboID, req.IfMatch, req.Body.report())
		return one(ctx, tx, c, err)
	})
}

type removeRequest struct {
	api.IfMatch
	ComboID uuid.UUID `path:"comboId"`
}

func (s *Service) remove(ctx context.Context, req *removeRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		return combo.Remove(ctx, tx, req.ComboID, req.IfMatch)
	})
}
