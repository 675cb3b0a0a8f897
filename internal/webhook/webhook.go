// Package webhook receives what Shopify tells the program: that a bulk operation
// has finished, that the app was removed, that a customer's data are wanted or are
// to be deleted. Nothing but deliveries signed with the app's secret gets in.
//
// A delivery does nothing but become a row of webhook_delivery, once, whoever
// receives it and however often it comes. What follows from it is read from there,
// in any process.
package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// Path is where Shopify posts to.
const Path = "/webhooks/shopify"

// The topics that the program knows. Others are noted, and nothing follows.
const (
	BulkFinished   = "bulk_operations/finish"
	Uninstalled    = "app/uninstalled"
	DataRequest    = "customers/data_request"
	CustomerRedact = "customers/redact"
	ShopRedact     = "shop/redact"
)

const (
	maxBody   = 1 << 20
	maxHeader = 200             // bytes of a header that is kept
	readTime  = 5 * time.Second // for a body; Shopify gives up after five
	noteTime  = 4 * time.Second // for the database
)

// Config says whose deliveries are good.
type Config struct {
	DB     *pg.DB
	Secret string // client secret of the app
	Shop   string // brand.myshopify.com
	Log    *slog.Logger
}

// receiver answers deliveries.
type receiver struct{ Config }

// New returns the handler of deliveries, which serves [Path] and nothing else. A
// setting that is empty is errs.Invalid.
func New(c Config) (http.Handler, error) {
	if c.Secret == "" || c.Shop == "" {
		return nil, errs.WithRemedy(fmt.Errorf("webhooks can't be verified without the app's client secret and the shop: %w", errs.Invalid),
			"set MACRODATA_SHOPIFY_CLIENT_SECRET to the client secret that Shopify's Dev Dashboard shows of the app, and MACRODATA_SHOPIFY_SHOP; or MACRODATA_WEBHOOK_LISTEN to off")
	}
	mux := http.NewServeMux()
	mux.Handle("POST "+Path, receiver{c})
	return mux, nil
}

// ServeHTTP answers 200 for what is noted, now or before, one constant 401 for
// what isn't Shopify's, and 503 where it can't be noted: Shopify comes again.
func (r receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), readTime+noteTime)
	defer cancel()
	d, err := r.verify(w, req)
	if err != nil {
		r.Log.InfoContext(ctx, "a webhook was refused", "reason", err)
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	fresh, err := r.note(ctx, d)
	if err != nil {
		r.Log.WarnContext(ctx, "a webhook could not be noted, and will come again", "topic", d.topic, "error", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	}
	r.Log.InfoContext(ctx, "a webhook was received", "topic", d.topic, "id", d.id, "again", !fresh)
	w.WriteHeader(http.StatusOK)
}

// delivery is what Shopify says, verified.
type delivery struct {
	id, topic string
	triggered *time.Time
	body      []byte
}

// verify reads a delivery that is Shopify's and for our shop. Its error is for
// the log, and tells nothing of the content.
func (r receiver) verify(w http.ResponseWriter, req *http.Request) (d delivery, err error) {
	// Not every ResponseWriter has deadlines; the server's own still hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime))
	if d.body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody)); err != nil {
		return d, errors.New("the body is too large or was cut")
	}
	signature, err := base64.StdEncoding.DecodeString(one(req.Header, "X-Shopify-Hmac-Sha256"))
	mac := hmac.New(sha256.New, []byte(r.Secret))
	mac.Write(d.body)
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return d, errors.New("the signature is missing or wrong")
	}
	if !strings.EqualFold(one(req.Header, "X-Shopify-Shop-Domain"), r.Shop) {
		return d, errors.New("it is another shop's")
	}
	d.id, d.topic = one(req.Header, "X-Shopify-Webhook-Id"), one(req.Header, "X-Shopify-Topic")
	if d.id == "" || d.topic == "" {
		return d, errors.New("it has no id or no topic")
	}
	if at, err := time.Parse(time.RFC3339, one(req.Header, "X-Shopify-Triggered-At")); err == nil {
		d.triggered = &at
	}
	return d, nil
}

// one returns a header that is there once and can be kept, or "".
func one(h http.Header, name string) string {
	values := h.Values(name)
	if len(values) != 1 || len(values[0]) > maxHeader || !utf8.ValidString(values[0]) {
		return ""
	}
	return values[0]
}

// note writes a delivery down and reports whether it is new.
func (r receiver) note(ctx context.Context, d delivery) (fresh bool, err error) {
	p := pgdb.NoteDeliveryParams{
		WebhookID: d.id, Topic: d.topic, Shop: r.Shop, TriggeredAt: d.triggered, Outcome: "noted",
	}
	switch d.topic {
	case BulkFinished:
		p.Subject = operation(d.body)
	case DataRequest, CustomerRedact, ShopRedact:
		p.Duty, p.Outcome, p.Payload = true, "open", d.body
	case Uninstalled:
	default:
		p.Outcome = "ignored"
	}
	var rows int64
	err = r.DB.InTx(ctx, func(ctx context.Context, tx pg.Tx) (err error) {
		rows, err = pgdb.New(tx).NoteDelivery(ctx, p)
		return err
	})
	return rows > 0, err
}

// operation returns the id of the bulk operation that a delivery tells of, nil
// where there is none.
func operation(body []byte) *string {
	var said struct {
		ID string `json:"admin_graphql_api_id"`
	}
	if json.Unmarshal(body, &said) != nil || !strings.HasPrefix(said.ID, "gid://shopify/BulkOperation/") || len(said.ID) > maxHeader || strings.ContainsRune(said.ID, 0) {
		return nil
	}
	return &said.ID
}
