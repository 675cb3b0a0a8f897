package shopify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// request is one call of the API.
type request struct {
	doc  Document
	vars map[string]any

	// once: the request must not be sent again after an answer was lost,
	// because it may have been carried out.
	once bool
}

// reply is what an answer holds beside its data.
type reply struct {
	header http.Header
	cost   *cost // nil where Shopify didn't say
}

// do sends a request until it has an answer, and decodes its data into data.
// Errors have a kind, and those that a person has to
// resolve a remedy.
func (c *Client) do(ctx context.Context, req request, data any) (reply, error) {
	text, err := c.text(ctx, c.documents[req.doc])
	if err != nil {
		return reply{}, err
	}
	body, err := json.Marshal(map[string]any{"query": text, "variables": req.vars})
	if err != nil {
		return reply{}, fmt.Errorf("variables of %s: %w", req.doc, err)
	}
	var throttled time.Duration
	for failures := 0; ; {
		r, err := c.attempt(ctx, req.doc, body, data)
		if err == nil {
			return r, nil
		}
		if ctx.Err() != nil {
			return reply{}, fmt.Errorf("%s: %w", req.doc, context.Cause(ctx))
		}
		var f *failure
		if !errors.As(err, &f) || req.once && !f.undone {
			return reply{}, fmt.Errorf("%s: %w", req.doc, err)
		}
		if f.throttled {
			// The bucket is shared, and somebody else may have been quicker:
			// that is no failure of ours, but it has to end.
			throttled += f.wait + c.retry.Base
		} else {
			failures++
		}
		if throttled > longestWait {
			return reply{}, fmt.Errorf("%s: %w", req.doc, err)
		}
		if err := c.pause(ctx, f, failures, "asking Shopify again", "document", string(req.doc)); err != nil {
			return reply{}, fmt.Errorf("%s: %w", req.doc, err)
		}
	}
}

// text assembles a document, after asking which scopes are granted where it
// depends on them.
func (c *Client) text(ctx context.Context, source string) (string, error) {
	var scopes map[string]bool
	if strings.Contains(source, scopeMark) {
		var err error
		if scopes, err = c.granted(ctx); err != nil {
			return "", err
		}
	}
	return assemble(source, func(scope string) bool { return scopes[scope] }), nil
}

// attempt sends a request once, within the budget of the cost bucket.
func (c *Client) attempt(ctx context.Context, doc Document, body []byte, data any) (r reply, err error) {
	points, err := c.bucket.take(ctx, doc)
	if err != nil {
		return r, err
	}
	defer func() { c.bucket.settle(doc, points, r.cost) }()

	status, header, answer, err := c.post(ctx, body)
	if err != nil {
		return r, err
	}
	c.noteVersion(header)
	if status != http.StatusOK {
		return r, c.refused(status, header, answer)
	}
	r.header = header
	r.cost, err = c.decode(answer, data)
	return r, err
}

func (c *Client) post(ctx context.Context, body []byte) (status int, h http.Header, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.retry.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("address of the API: %w", errs.Invalid)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "macrodata")
	req.Header.Set("X-Shopify-Access-Token", c.token)
	resp, err := c.api.Do(req)
	if err != nil {
		return 0, nil, nil, networkFailure(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, c.maxAnswer+1))
	if err != nil && resp.StatusCode == http.StatusOK {
		return 0, nil, nil, networkFailure(err)
	}
	if int64(len(answer)) > c.maxAnswer {
		return 0, nil, nil, fmt.Errorf("answer is larger than %d MiB: %w", c.maxAnswer>>20, errs.TooLarge)
	}
	return resp.StatusCode, resp.Header, answer, nil
}
