package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Finished reports whether Shopify has told that a bulk operation, by its gid,
// came to its end. That it hasn't says nothing: deliveries get lost.
func Finished(ctx context.Context, db *pg.DB, operation string) (bool, error) {
	return pgdb.New(db).DeliveredFinish(ctx, operation)
}

// Duty is what Shopify asks for on behalf of a customer or a shop. The payload
// says whose data they are, and stays in the database until the duty is settled.
type Duty struct {
	ID       string
	Topic    string // DataRequest, CustomerRedact or ShopRedact
	Received time.Time
	Due      time.Time // 30 days later
}

// Duties lists the open ones, the most urgent first, 1,000 at most.
func Duties(ctx context.Context, db *pg.DB) (list []Duty, err error) {
	rows, err := pgdb.New(db).OpenDuties(ctx)
	for _, r := range rows {
		list = append(list, Duty{r.WebhookID, r.Topic, r.ReceivedAt, r.DueAt})
	}
	return list, err
}

// Settle closes a duty, with what was done about it, and forgets its payload. A
// duty that isn't open is errs.NotFound.
func Settle(ctx context.Context, tx pg.Tx, id, outcome string) error {
	n, err := pgdb.New(tx).SettleDuty(ctx, pgdb.SettleDutyParams{WebhookID: id, Outcome: outcome})
	if err == nil && n == 0 {
		err = errs.WithRemedy(fmt.Errorf("there is no open duty %q: %w", id, errs.NotFound), "GET /api/health says which duties are open")
	}
	return err
}

// Removed returns when the app was removed from the shop, and whether it still is
// as far as we know: a run of a scenario that needs Shopify, begun later, that went
// well shows that the app is back.
func Removed(ctx context.Context, db *pg.DB, scenario string) (at time.Time, removed bool, err error) {
	list, err := pgdb.New(db).Uninstalled(ctx, scenario)
	if err != nil || len(list) == 0 {
		return time.Time{}, false, err
	}
	return list[0], true, nil
}

// Last returns when something of each topic was received last.
func Last(ctx context.Context, db *pg.DB) (map[string]time.Time, error) {
	rows, err := pgdb.New(db).LastDeliveries(ctx)
	last := map[string]time.Time{}
	for _, r := range rows {
		last[r.Topic] = r.At
	}
	return last, err
}

// Prune deletes the deliveries that were handled before a time and returns how
// many. Open duties stay, whatever their age.
func Prune(ctx context.Context, db *pg.DB, before time.Time) (deleted int64, err error) {
	for {
		n, err := pgdb.New(db).PruneDeliveries(ctx, before)
		if deleted += n; err != nil || n == 0 {
			return deleted, err
		}
	}
}
