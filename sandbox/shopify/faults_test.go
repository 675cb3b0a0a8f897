package shopify_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

func TestRequestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault  shopify.RequestFault
		status int
		parts  []string
	}{
		"a frozen shop":           {shopify.RequestFault{Status: 402}, 402, []string{`{"errors":"`}},
		"too many requests":       {shopify.RequestFault{Status: 429, RetryAfter: "2.0"}, 429, []string{`{"errors":"`}},
		"a security rejection":    {shopify.RequestFault{Status: 430}, 430, []string{"<html>"}},
		"an answer of one's own":  {shopify.RequestFault{Status: 200, Body: `{"data":`}, 200, []string{`{"data":`}},
		"throttled":               {shopify.RequestFault{Throttled: true}, 200, []string{`"code":"THROTTLED"`, `"actualQueryCost":null`}},
		"an internal error":       {shopify.RequestFault{Code: "INTERNAL_SERVER_ERROR"}, 200, []string{`"code":"INTERNAL_SERVER_ERROR"`}},
		"data beside an error":    {shopify.RequestFault{Beside: "INTERNAL_SERVER_ERROR"}, 200, []string{`{"data":{"shop":`, `"code":"INTERNAL_SERVER_ERROR"`}},
		"another version answers": {shopify.RequestFault{Version: "2027-01"}, 200, []string{`"data"`}},
		"one for other documents": {shopify.RequestFault{Match: "products", Status: 500}, 200, []string{`"data"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			c.server.Faults().Request(2, tc.fault)
			for range 2 {
				resp, body := c.post("2026-10", "secret", "{shop{id}}", nil)
				if resp.StatusCode != tc.status || resp.Header.Get("Retry-After") != tc.fault.RetryAfter {
					t.Errorf("status %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
				}
				if v := tc.fault.Version; v != "" && resp.Header.Get("X-Shopify-API-Version") != v {
					t.Errorf("answered by version %q", resp.Header.Get("X-Shopify-API-Version"))
				}
				contains(t, body, tc.parts...)
			}
			contains(t, c.query("{shop{id}}", nil), `{"data":{"shop":`) // used up
		})
	}
}

func TestAShareOfTheRequestsFails(t *testing.T) {
	t.Parallel()
	failed := func(seed uint64) (list []int) {
		c := start(t, nil)
		c.server.Faults().Request(shopify.Forever, shopify.RequestFault{Status: 503, Share: 0.3, Seed: seed})
		for i := range 100 {
			if resp, _ := c.post("2026-10", "secret", "{shop{id}}", nil); resp.StatusCode == 503 {
				list = append(list, i)
			}
		}
		return list
	}
	one := failed(1)
	if n := len(one); n < 15 || n > 45 {
		t.Errorf("%d of 100 requests failed", n)
	}
	if !slices.Equal(one, failed(1)) || slices.Equal(one, failed(2)) {
		t.Error("the seed doesn't choose which")
	}
}

func TestAnAnswerIsCut(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.server.Faults().Request(1, shopify.RequestFault{CutAfter: 10})
	r, err := http.NewRequest(http.MethodPost, c.server.URL()+"/admin/api/2026-10/graphql.json", strings.NewReader(`{"query":"{shop{id}}"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", "secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) || len(b) != 10 {
		t.Errorf("%d bytes came, and %v", len(b), err)
	}
}

func TestLostAnswerOfABulkStart(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.server.Faults().Request(1, shopify.RequestFault{Match: "bulkOperationRunQuery", Lose: true})
	body := strings.NewReader(`{"query":"mutation{bulkOperationRunQuery(query:\"{orders{edges{node{id}}}}\"){bulkOperation{id}}}"}`)
	r, err := http.NewRequest(http.MethodPost, c.server.URL()+"/admin/api/2026-10/graphql.json", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Shopify-Access-Token", "secret")
	if resp, err := http.DefaultClient.Do(r); err == nil {
		t.Errorf("an answer came: %d", resp.StatusCode)
	}
	contains(t, c.query(document(t, "bulk_list"), map[string]any{"first": 5}), `"query":"{orders{edges{node{id}}}}"`)
	if n := c.server.Stats().Bulk["order ids"]; n != 1 {
		t.Errorf("%d operations were started, not 1", n)
	}
}

func TestFailedAndCancelledOperations(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	query := filtered(t, "bulk_order_ids", "")
	c.server.Faults().Bulk(1, shopify.BulkFault{ErrorCode: "TIMEOUT", Roots: 7, Partial: true})
	c.server.Faults().Bulk(1, shopify.BulkFault{ErrorCode: "INTERNAL_SERVER_ERROR"})
	c.server.Faults().Bulk(1, shopify.BulkFault{Match: "orders", Cancel: true, Roots: 3})

	id, _ := c.run(query)
	b := c.await(id, "FAILED")
	_, part := c.get(b.PartialDataURL, nil)
	if b.ErrorCode != "TIMEOUT" || b.URL != "" || len(decode(t, part)) != 7 {
		t.Errorf("with partial data: %d rows, %+v", len(decode(t, part)), b)
	}
	id, _ = c.run(query)
	if b := c.await(id, "FAILED"); b.ErrorCode != "INTERNAL_SERVER_ERROR" || b.PartialDataURL != "" {
		t.Errorf("without partial data: %+v", b)
	}
	id, _ = c.run(query)
	if b := c.await(id, "CANCELED"); b.ObjectCount != "3" || b.URL != "" {
		t.Errorf("cancelled by Shopify: %+v", b)
	}
	c.export(query)
}

func TestOperationsThatEndOddly(t *testing.T) {
	t.Parallel()
	c := start(t, func(cfg *shopify.Config) { cfg.BulkDelay = 40 * time.Millisecond })
	query := filtered(t, "bulk_order_ids", "")
	seen := func(fault shopify.BulkFault, end string) (statuses []string, last bulk) {
		c.server.Faults().Bulk(1, fault)
		id, _ := c.run(query)
		for last.Status != end {
			last = c.poll(id)
			if n := len(statuses); n == 0 || statuses[n-1] != last.Status {
				statuses = append(statuses, last.Status)
			}
		}
		return statuses, last
	}
	if got, _ := seen(shopify.BulkFault{Jump: true}, "COMPLETED"); slices.Contains(got, "RUNNING") {
		t.Errorf("one that jumps went through %q", got)
	}
	if got, _ := seen(shopify.BulkFault{Canceling: 50 * time.Millisecond}, "CANCELED"); !slices.Contains(got, "CANCELING") {
		t.Errorf("one that is cancelled slowly went through %q", got)
	}
	_, b := seen(shopify.BulkFault{ErrorCode: "TIMEOUT", Roots: 7, Partial: true, Late: 2}, "FAILED")
	if late := c.poll(b.ID); b.PartialDataURL != "" || late.PartialDataURL != "" || c.poll(b.ID).PartialDataURL == "" {
		t.Error("partial data don't come at the third look")
	}
	_, b = seen(shopify.BulkFault{Expire: true}, "COMPLETED")
	if resp, _ := c.get(b.URL, nil); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an expired result is answered %d", resp.StatusCode)
	}
	if gone := c.poll(b.ID); gone.Status != "EXPIRED" || gone.URL != "" {
		t.Errorf("after that it is %+v", gone)
	}
}

func TestFaultyFiles(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	query := filtered(t, "bulk_orders", "")
	clean, whole := c.export(query)
	victim := shop.ID(5_120_000_000_000)
	gone := []byte(strings.ReplaceAll(victim.GID("Order"), "/", `\/`))
	drop := func(id shop.ID) bool { return id == victim }

	c.server.Faults().Bulk(1, shopify.BulkFault{Drop: drop})
	if b, file := c.export(query); bytes.Contains(file, gone) || b.RootObjectCount != clean.RootObjectCount || b.ObjectCount != clean.ObjectCount {
		t.Errorf("a dropped root: %+v", b)
	}
	c.server.Faults().Bulk(1, shopify.BulkFault{Drop: drop, Uncounted: true})
	if b, file := c.export(query); bytes.Contains(file, gone) || b.RootObjectCount == clean.RootObjectCount {
		t.Errorf("a root that the index lacks: %+v", b)
	}
	c.server.Faults().Bulk(1, shopify.BulkFault{Lines: []string{"no json", `{"id":`}})
	if b, file := c.export(query); b.ObjectCount != clean.ObjectCount || b.FileSize != strconv.Itoa(len(file)) ||
		!bytes.Contains(file, []byte("\nno json\n")) || len(file) != len(whole)+len("no json\n"+`{"id":`+"\n") {
		t.Errorf("spliced lines: %+v", b)
	}
	c.server.Faults().Bulk(1, shopify.BulkFault{NoFinalNewline: true})
	if b, file := c.export(query); !bytes.Equal(append(file, '\n'), whole) || b.FileSize != strconv.Itoa(len(file)) {
		t.Errorf("no final newline: %+v", b)
	}
	c.server.Faults().Bulk(1, shopify.BulkFault{Twice: 100, Change: func(line []byte) []byte {
		return bytes.ReplaceAll(line, gone, []byte("gone"))
	}})
	if b, file := c.export(query); b.ObjectCount != clean.ObjectCount || bytes.Contains(file, gone) || !bytes.Contains(file, []byte("gone")) ||
		bytes.Count(file, []byte{'\n'}) <= bytes.Count(whole, []byte{'\n'}) {
		t.Errorf("changed lines: %+v", b)
	}
	c.server.Faults().Bulk(1, shopify.BulkFault{MaxChildren: 2})
	_, file := c.export(query)
	children := map[string]int{}
	for _, r := range decode(t, file) {
		if children[r.ParentID]++; r.ParentID != "" && children[r.ParentID] > 2 {
			t.Fatal("a parent has three children")
		}
	}
}

func TestFaultyDownloads(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	b, whole := c.export(filtered(t, "bulk_order_ids", ""))
	c.server.Faults().Download(1, shopify.DownloadFault{CutAfter: 1000})
	if resp, got := c.get(b.URL, nil); string(got) != string(whole[:1000])+"!cut" || resp.ContentLength != int64(len(whole)) {
		t.Errorf("%d bytes came of a download cut after 1,000", len(got))
	}
	c.server.Faults().Download(1, shopify.DownloadFault{Status: 403})
	if resp, body := c.get(b.URL, nil); resp.StatusCode != 403 || !bytes.Contains(body, []byte("<Error>")) {
		t.Errorf("an expired address is answered %d", resp.StatusCode)
	}
	resp, _ := c.get(b.URL, nil)
	c.server.Faults().Download(shopify.Forever, shopify.DownloadFault{IgnoreRange: true, OtherETag: true})
	odd, got := c.get(b.URL, http.Header{"Range": {"bytes=5-"}})
	if odd.StatusCode != 200 || !bytes.Equal(got, whole) || odd.Header.Get("ETag") == resp.Header.Get("ETag") {
		t.Errorf("a host without ranges answers %d", odd.StatusCode)
	}
	c.server.Faults().Clear()
	if resp, _ := c.get(b.URL, http.Header{"Range": {"bytes=5-"}}); resp.StatusCode != 206 {
		t.Errorf("after Clear a range is answered %d", resp.StatusCode)
	}
}

func TestHostsThatSendOddly(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	b, whole := c.export(filtered(t, "bulk_order_ids", ""))
	c.server.Faults().Download(1, shopify.DownloadFault{Empty: true})
	if resp, got := c.get(b.URL, nil); resp.StatusCode != 200 || len(got) != 0 {
		t.Errorf("an empty body has %d bytes", len(got))
	}
	c.server.Faults().Download(1, shopify.DownloadFault{Longer: 100})
	if resp, got := c.get(b.URL, nil); resp.ContentLength != int64(len(whole))+100 || string(got) != string(whole)+"!cut" {
		t.Errorf("of %d bytes that were told %d came", resp.ContentLength, len(got))
	}
	c.server.Faults().Download(1, shopify.DownloadFault{Gzip: true})
	resp, got := c.get(b.URL, http.Header{"Accept-Encoding": {"identity"}})
	unpacked, err := gzip.NewReader(bytes.NewReader(got))
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("what is compressed begins with %x (%v)", got[:4], err)
	}
	if plain, err := io.ReadAll(unpacked); err != nil || !bytes.Equal(plain, whole) {
		t.Errorf("%d bytes were compressed (%v)", len(plain), err)
	}
	c.server.Faults().Download(2, shopify.DownloadFault{Trickle: time.Microsecond})
	if _, got := c.get(b.URL, http.Header{"Range": {"bytes=" + strconv.Itoa(len(whole)-50) + "-"}}); !bytes.Equal(got, whole[len(whole)-50:]) {
		t.Errorf("%d bytes trickled", len(got))
	}
}
