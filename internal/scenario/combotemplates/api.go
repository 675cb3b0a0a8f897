package combotemplates

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/combo"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

const path = "/api/combo-templates"

func endpoints(s *Service) []api.Endpoint {
	return []api.Endpoint{
		api.ListOf(path, "listComboTemplates", "Lists the templates of combos, newest first.", s.list, ComboTemplate.position),
		api.Post(path, combo.CreateTemplateOperation, "Saves a template, once its actions are found to be right.", s.create,
			api.Describe("POST /api/combo-logs with its templateId makes a combo of it. create_report is then done at once, and the other actions in their order, each once, by a run that survives what happens to the process.")),
		api.Delete(path+"/{templateId}", combo.RemoveTemplateOperation, "Deletes a template; the combos that were made of it stay.", s.remove),
	}
}

// ComboTemplate is a template of combos.
type ComboTemplate struct {
	api.Versioned
	TemplateID uuid.UUID `json:"templateId"`
	Name       string    `json:"name"`
	combo.Template
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
}

func (t ComboTemplate) position() uuid.UUID { return t.TemplateID }

func entry(p combo.Plan) ComboTemplate {
	return ComboTemplate{Versioned: p.Versioned, TemplateID: p.ID, Name: p.Title, Template: p.Payload, CreatedBy: p.CreatedBy, CreatedAt: p.CreatedAt.UTC()}
}

type listRequest struct {
	api.Page
	Words string `query:"q" maxLength:"100" doc:"The name has this in it, without regard to case."`
}

func (s *Service) list(ctx context.Context, req *listRequest, after *uuid.UUID, limit int) ([]ComboTemplate, error) {
	var before uuid.UUID
	if after != nil {
		before = *after
	}
	found, err := combo.Templates(ctx, s.db, req.Words, before, limit)
	list := make([]ComboTemplate, len(found))
	for i, p := range found {
		list[i] = entry(p)
	}
	return list, err
}

type createRequest struct {
	Body struct {
		Name string `json:"name" maxLength:"400" doc:"At most 100 characters." example:"Spring hero with a second"`
		combo.Template
	}
}

func (s *Service) create(ctx context.Context, req *createRequest) (*api.Created[ComboTemplate], error) {
	return api.InTx(ctx, s.db, func(ctx context.Context, tx pg.Tx) (*api.Created[ComboTemplate], error) {
		p, err := combo.CreateTemplate(ctx, tx, req.Body.Name, req.Body.Template)
		if err != nil {
			return nil, err
		}
		return &api.Created[ComboTemplate]{Data: entry(p), Location: path + "?q=" + p.Identifier}, nil
	})
}

type removeRequest struct {
	api.IfMatch
	TemplateID uuid.UUID `path:"templateId"`
}

func (s *Service) remove(ctx context.Context, req *removeRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx pg.Tx) error {
		return combo.RemoveTemplate(ctx, tx, req.TemplateID, req.IfMatch)
	})
}
