package combolog

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// exported is a combo as a row of the CSV. Its fields are those of [columns].
type exported struct {
	Identifier  string       `json:"identifier"`
	Type        string       `json:"type"`
	Audience    string       `json:"audience"`
	Products    string       `json:"products"`
	Roles       string       `json:"roles"`
	StartedOn   shop.Day     `json:"startedOn"`
	EndedOn     *shop.Day    `json:"endedOn"`
	Channel     string       `json:"channel"`
	Spend       *shop.Amount `json:"spend"`
	Impressions *int64       `json:"impressions"`
	Clicks      *int64       `json:"clicks"`
	Purchases   *int64       `json:"purchases"`
	Revenue     *shop.Amount `json:"revenue"`
	Outcome     *string      `json:"outcome"`
	Notes       string       `json:"notes"`

	id uuid.UUID
}

func (e exported) position() uuid.UUID { return e.id }

func (s *Service) export(ctx context.Context, req *listRequest, after *uuid.UUID, limit int) ([]exported, error) {
	list, err := s.list(ctx, req, after, limit)
	rows := make([]exported, len(list))
	for i, e := range list {
		d := e.Details
		rows[i] = exported{
			e.Identifier, e.Type, e.Audience, "", "", d.StartedOn, d.EndedOn, d.Channel, d.Spend,
			d.Impressions, d.Clicks, d.Purchases, d.Revenue, d.Outcome, d.Notes, e.ComboID,
		}
		rows[i].Products, rows[i].Roles = cellsOf(e.Products)
	}
	return rows, err
}

// cellsOf writes products and their roles as [list] reads them.
func cellsOf(items []ComboProduct) (products, roles string) {
	names, parts := make([]string, len(items)), make([]string, len(items))
	any := false
	for i, item := range items {
		names[i], parts[i] = item.String(), item.Role
		any = any || item.Role != ""
	}
	if any {
		roles = strings.Join(parts, " "+divider+" ")
	}
	return strings.Join(names, " "+divider+" "), roles
}

// reference writes a product so that people and [idOf] know it.
func reference(title string, id shop.ID) string {
	title = strings.Join(strings.Fields(strings.ReplaceAll(title, divider, "/")), " ")
	return strings.TrimSpace(title + " #" + id.String())
}
