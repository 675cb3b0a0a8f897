package shopify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// answer is the body of every answer with status 200, and of most others.
type answer struct {
	Data       json.RawMessage `json:"data"`
	Errors     json.RawMessage `json:"errors"` // a list; a string or an object where the request was refused
	Extensions struct {
		Cost   *cost          `json:"cost"`
		Search []searchNotice `json:"search"`
	} `json:"extensions"`
}

type graphqlError struct {
	Message    string `json:"message"`
	Extensions struct {
		Code string `json:"code"`
	} `json:"extensions"`
}

// searchNotice tells how a search filter was understood. A term with a warning
// was left out of it, and the answer holds rows that nobody asked for.
type searchNotice struct {
	Warnings []struct {
		Field   string `json:"field"`
		Message string `json:"message"`
	} `json:"warnings"`
}

// decode reads an answer with status 200 into data. Data beside errors counts
// as an error: it has holes.
func (c *Client) decode(body []byte, data any) (*cost, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, unavailable("answer is not JSON as GraphQL has it")
	}
	spent := a.Extensions.Cost
	if list := readErrors(a.Errors); len(list) > 0 {
		return spent, c.graphqlFailure(list, spent)
	}
	for _, s := range a.Extensions.Search {
		for _, w := range s.Warnings {
			return spent, fmt.Errorf("search filter: term %q was ignored by Shopify (%s): %w",
				clip(w.Field), clip(w.Message), errs.Invalid)
		}
	}
	if len(a.Data) == 0 || bytes.Equal(a.Data, []byte("null")) {
		return spent, unavailable("answer has neither data nor errors")
	}
	if err := json.Unmarshal(a.Data, data); err != nil {
		return spent, fmt.Errorf("answer is not of the shape of the document: %s: %w", clip(err.Error()), errs.Corrupt)
	}
	return spent, nil
}

// readErrors understands the three shapes that errors come in.
func readErrors(raw json.RawMessage) []graphqlError {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	var list []graphqlError
	if json.Unmarshal(raw, &list) == nil {
		return list
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return []graphqlError{{Message: text}}
}

// graphqlFailure gives the errors of an answer with status 200 their kind.
func (c *Client) graphqlFailure(list []graphqlError, spent *cost) error {
	var reasons []string
	codes := map[string]bool{}
	for _, e := range list {
		reasons = append(reasons, e.Message)
		codes[e.Extensions.Code] = true
	}
	reason := c.clean(strings.Join(reasons, "; "))
	switch {
	case codes["THROTTLED"]:
		f := unavailable("throttled")
		f.throttled, f.undone, f.wait = true, true, spent.wait()
		return f
	case codes["MAX_COST_EXCEEDED"]:
		return fmt.Errorf("%s: %w", reason, errs.TooLarge)
	case codes["ACCESS_DENIED"]:
		return errs.WithRemedy(fmt.Errorf("%s: %w", reason, errs.Denied),
			"A store admin has to grant the app the access scope that is named.")
	case codes["SHOP_INACTIVE"]:
		return errs.WithRemedy(fmt.Errorf("%s: %w", reason, errs.Denied),
			"The shop is not active: its owner has to reopen it.")
	case codes["INTERNAL_SERVER_ERROR"], codes["TIMEOUT"]:
		return unavailable("failure inside Shopify: %s", reason)
	}
	return fmt.Errorf("refused by Shopify: %s: %w", reason, errs.Invalid)
}

// refused gives an answer whose status isn't 200 its kind. Denied ones are
// never repeated: each says who has to do what.
func (c *Client) refused(status int, h http.Header, body []byte) error {
	reason := fmt.Sprintf("status %d", status)
	var a answer
	if json.Unmarshal(body, &a) == nil {
		for _, e := range readErrors(a.Errors) {
			reason += ": " + c.clean(e.Message)
		}
	}
	if id := h.Get("X-Request-Id"); id != "" {
		reason += " (request " + clip(id) + ")"
	}
	if remedy := remedyOf(status); remedy != "" {
		return errs.WithRemedy(fmt.Errorf("%s: %w", reason, errs.Denied), remedy)
	}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == 430, status >= 500:
		f := unavailable("%s", reason)
		f.wait = retryAfter(h)
		f.undone = status == http.StatusTooManyRequests || status == 430
		return f
	}
	return fmt.Errorf("refused by Shopify: %s: %w", reason, errs.Invalid)
}

// remedyOf returns what a person has to do about a status, "" where it isn't
// one that only a person can change.
func remedyOf(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "The access token isn't valid (any more): have a store admin install the app again, and set MACRODATA_SHOPIFY_TOKEN to its token."
	case status == http.StatusPaymentRequired:
		return "The shop is frozen: its owner has to settle the bill with Shopify."
	case status == http.StatusForbidden:
		return "The app may not do this: a store admin has to check the app's access, and its token if the message speaks of one."
	case status == http.StatusNotFound, status >= 300 && status < 400:
		return "There is no shop at this address: check MACRODATA_SHOPIFY_SHOP (and MACRODATA_SHOPIFY_URL, if it is set)."
	case status == http.StatusLocked:
		return "Shopify has locked the shop: its owner has to contact Shopify's support."
	}
	return ""
}

// clean clips text from Shopify, and makes sure that it can't repeat the token.
func (c *Client) clean(s string) string {
	return clip(strings.ReplaceAll(s, c.token, "[token]"))
}
