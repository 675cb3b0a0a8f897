package combo

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/artifact"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// AssetOperation is what a request for an asset is recorded under.
const AssetOperation = "requestAsset"

// Requested is the status of an asset that somebody has yet to make.
const Requested = "requested"

// Wanted is what a design asset is wanted for.
type Wanted struct {
	ComboID    uuid.UUID `json:"comboId"`
	Role       string    `json:"role,omitempty"`
	ProductIDs []shop.ID `json:"productIds"` // of the combo, in its order
}

var assets = artifact.Kind[Wanted]{Name: "design_asset", Noun: "design asset"}

// AskForAsset asks for a design asset of a combo. number tells the requests of one
// combo apart.
func AskForAsset(ctx context.Context, tx pg.Tx, c Combo, number int, title, role string) (identifier string, err error) {
	w := Wanted{ComboID: c.ID, Role: role}
	for _, p := range c.Payload.Products {
		w.ProductIDs = append(w.ProductIDs, p.ProductID)
	}
	a, err := assets.Create(ctx, tx, fmt.Sprintf("%s-asset-%d", c.Identifier, number), artifact.Content[Wanted]{Title: title, Status: Requested, Payload: w})
	if err != nil {
		return "", err
	}
	return a.Identifier, assets.Record(ctx, tx, AssetOperation, nil, &a)
}
