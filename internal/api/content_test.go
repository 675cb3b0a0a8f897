package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/api"
)

func TestAFileIsSentWholeOrInRangesAndCutWhereItIsShort(t *testing.T) {
	t.Parallel()
	const text = "0123456789"
	type request struct {
		Name string `path:"name"`
	}
	find := func(_ context.Context, req *request) (*api.File, error) {
		f := &api.File{Name: `a "b" ü.csv`, MediaType: "text/html", Size: int64(len(text)), ETag: "abc"}
		f.Open = func(_ context.Context, offset, _ int64) (io.ReadCloser, error) {
			switch req.Name {
			case "short":
				return io.NopCloser(strings.NewReader(text[offset:5])), nil
			case "lost":
				return nil, errors.New("lost")
			}
			return io.NopCloser(strings.NewReader(text[offset:])), nil
		}
		return f, nil
	}
	a, err := api.New(api.Config{Title: "t", Version: "1"}, api.Content("/api/files/{name}", "readFile", "Reads a file.", find))
	if err != nil {
		t.Fatal(err)
	}
	h := a.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(api.WithPrincipal(r.Context(), ops)))
	}))
	t.Cleanup(server.Close)
	for _, test := range []struct {
		name, path, header, value string
		status                    int
		body                      string
		cut                       bool
	}{
		{"all of it", "whole", "", "", 200, text, false},
		{"a part of it", "whole", "Range", "bytes=3-5", 206, "345", false},
		{"its end", "whole", "Range", "bytes=-2", 206, "89", false},
		{"behind its end", "whole", "Range", "bytes=10-", 416, "", false},
		{"what the client has already", "whole", "If-None-Match", `"abc"`, 304, "", false},
		{"one that is shorter than it was", "short", "", "", 200, "", true},
		{"one that can't be opened", "lost", "", "", 200, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/api/files/"+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(test.header, test.value)
			if test.header == "" {
				req.Header = http.Header{}
			}
			resp, err := http.DefaultClient.Do(req)
			if test.cut && err != nil {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if test.cut {
				if err == nil {
					t.Errorf("%q looks whole", body)
				}
				return
			}
			if resp.StatusCode != test.status || err != nil || test.body != "" && string(body) != test.body {
				t.Errorf("%d %q %v", resp.StatusCode, body, err)
			}
			if test.status == 200 && (resp.Header.Get("Content-Disposition") != `attachment; filename*=utf-8''a%20%22b%22%20%C3%BC.csv` ||
				resp.Header.Get("Content-Security-Policy") == "") {
				t.Errorf("%v", resp.Header)
			}
		})
	}
}
