package shopify

import (
	"context"
	"fmt"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// TagsAdd adds tags to a product; those that it has, in whatever case, stay as they
// are. So it may be called again where nobody knows whether it was done. The app
// needs the access scope write_products: without it, it is errs.Denied. A product
// that there is not, or a tag that Shopify doesn't take, is errs.Invalid.
// (https://shopify.dev/docs/api/admin-graphql/latest/mutations/tagsAdd)
func (c *Client) TagsAdd(ctx context.Context, product shop.ID, tags []string) (err error) {
	defer errs.Wrap(&err, "shopify: tags of product %s", product)
	var data struct {
		TagsAdd struct {
			UserErrors []userError `json:"userErrors"`
		} `json:"tagsAdd"`
	}
	scopes, err := c.granted(ctx)
	if err != nil {
		return err
	}
	if !scopes["write_products"] {
		return errs.WithRemedy(fmt.Errorf("the app's token lacks the access scope write_products: %w", errs.Denied),
			"Have a store admin grant the app write_products, install it again, and set MACRODATA_SHOPIFY_TOKEN to its token.")
	}
	req := request{doc: docTagsAdd, vars: map[string]any{"id": product.GID("Product"), "tags": tags}}
	if _, err := c.do(ctx, req, &data); err != nil {
		return err
	}
	if refusals := data.TagsAdd.UserErrors; len(refusals) > 0 {
		return fmt.Errorf("refused by Shopify: %s: %w", c.clean(refusals[0].Message), errs.Invalid)
	}
	return nil
}
