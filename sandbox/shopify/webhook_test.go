package shopify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func TestSubscribersAreToldOfTheEndOfAnOperation(t *testing.T) {
	t.Parallel()
	type delivery struct {
		header http.Header
		body   []byte
	}
	came := make(chan delivery, 10)
	statuses := make(chan int, 1)
	statuses <- http.StatusInternalServerError // once
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		select {
		case status := <-statuses:
			w.WriteHeader(status)
		default:
		}
		came <- delivery{r.Header, body}
	}))
	t.Cleanup(app.Close)
	s := start(t, func(c *shopify.Config) { c.Secret = "shpss_hush" })
	s.server.Subscribe(app.URL)
	id, fault := s.run("query { products { edges { node { id } } } }")
	if fault != "" {
		t.Fatal(fault)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var both [2]delivery
	for i := range both { // it comes again, for the first answer was bad
		select {
		case both[i] = <-came:
		case <-ctx.Done():
			t.Fatalf("delivery %d did not come", i)
		}
	}
	for _, d := range both {
		mac := hmac.New(sha256.New, []byte("shpss_hush"))
		mac.Write(d.body) //nolint:errcheck // a hash never fails
		if got, want := d.header.Get("X-Shopify-Hmac-Sha256"), base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signed %s, want %s", got, want)
		}
		var said struct {
			ID     string `json:"admin_graphql_api_id"`
			Status string `json:"status"`
		}
		if err := json.Unmarshal(d.body, &said); err != nil || said.ID != id || said.Status != "completed" {
			t.Errorf("told was %s, %v, want of %s", d.body, err, id)
		}
		if d.header.Get("X-Shopify-Topic") != "bulk_operations/finish" || d.header.Get("X-Shopify-Webhook-Id") != both[0].header.Get("X-Shopify-Webhook-Id") {
			t.Errorf("headers are %v", d.header)
		}
	}
}
