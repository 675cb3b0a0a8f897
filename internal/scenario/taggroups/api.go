package taggroups

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// The operations that change groups.
const (
	save   = "saveTagGroup"
	remove = "deleteTagGroup"
)

func endpoints(s *Service) []api.Endpoint {
	return []api.Endpoint{
		api.ListOf("/api/tag-groups", "listTagGroups", "Lists the tag groups by name.", s.list, Group.position),
		api.Post("/api/tag-groups", save, "Creates a tag group, or changes the one of this id or name.", s.save, api.MaxBody(8<<20),
			api.Describe("The group's tags are replaced, and so are its category and description. Tags and names are compared without regard to case.")),
		api.Delete("/api/tag-groups/{groupId}", remove, "Deletes a tag group; its tags stay.", s.delete),
	}
}

// Group is a tag group.
type Group struct {
	api.Versioned
	GroupID     uuid.UUID `json:"groupId"`
	Name        string    `json:"name" example:"Moths"`
	Category    *string   `json:"category" doc:"All of its tags are of this category; null where they may be of any."`
	Description string    `json:"description"`
	Tags        []string  `json:"tags" doc:"As Shopify spells them, by name."`
	Products    int64     `json:"products" doc:"That have any of the tags and are still in Shopify, each once."`
	CreatedBy   string    `json:"createdBy"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedBy   string    `json:"updatedBy"`
	UpdatedAt   time.Time `json:"updatedAt"`

	folded string
}

func (g Group) position() string { return g.folded }

type listRequest struct {
	api.Page
	Category string `query:"category" maxLength:"100" doc:"Of this category."`
	Words    string `query:"q" maxLength:"100" doc:"The name has this in it, without regard to case."`
}

func (s *Service) list(ctx context.Context, req *listRequest, after *string, limit int) ([]Group, error) {
	return find(ctx, s.db, pgdb.ListTagGroupsParams{
		Category: given(req.Category), Words: given(strings.TrimSpace(req.Words)), AfterName: after, RowLimit: int32(limit),
	})
}

// List returns the groups by name, all of them where there are no more than limit.
func (s *Service) List(ctx context.Context, limit int) ([]Group, error) {
	return find(ctx, s.db, pgdb.ListTagGroupsParams{RowLimit: int32(limit)})
}

func find(ctx context.Context, db pgdb.DBTX, p pgdb.ListTagGroupsParams) ([]Group, error) {
	rows, err := pgdb.New(db).ListTagGroups(ctx, p)
	if err != nil {
		return nil, err
	}
	list := make([]Group, len(rows))
	for i, r := range rows {
		list[i] = Group{
			Versioned: api.Versioned{Version: r.Version}, GroupID: r.CategoryID, Name: r.Name, Category: r.Category,
			Description: r.Description, Tags: r.Tags, Products: r.Products, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt,
			UpdatedBy: r.UpdatedBy, UpdatedAt: r.UpdatedAt, folded: r.Folded,
		}
	}
	return list, nil
}

// given returns nil for "".
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

type saveRequest struct {
	api.IfMatch
	Body struct {
		GroupID     *uuid.UUID `json:"groupId,omitempty" doc:"Of the group to change; without it the name says which."`
		Name        string     `json:"name,omitempty" maxLength:"100" doc:"May be left out with a groupId, and then stays." example:"Moths"`
		Category    *string    `json:"category,omitempty" nullable:"true" maxLength:"100" doc:"One of the settings' tag categories; null or nothing for tags of any." example:"design"`
		Description string     `json:"description,omitempty" maxLength:"1000"`
		Tags        []string   `json:"tags" maxItems:"10000" doc:"All tags of the group." example:"[\"Luna Moth\"]"`
	}
}

// Saved is a group after it was saved.
type Saved struct {
	Group
	Outcome string `json:"outcome" enum:"created,changed,unchanged"`
}

type groupRequest struct {
	api.IfMatch
	GroupID uuid.UUID `path:"groupId"`
}
