package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// One is the response of a single thing: {"data": {…}}. Where the thing embeds
// [Versioned], the response has an ETag.
type One[T any] struct {
	Data T `json:"data"`
}

func (o *One[T]) reply() (int, map[string]string) { return http.StatusOK, tagged(o.Data) }

// Created is the response of what made a thing, with status 201.
type Created[T any] struct {
	Data     T      `json:"data"`
	Location string `json:"-"` // path of the thing
}

func (c *Created[T]) reply() (int, map[string]string) {
	h := tagged(c.Data)
	if h == nil {
		h = map[string]string{}
	}
	h["Location"] = c.Location
	return http.StatusCreated, h
}

// Started is the response of what started a workflow, with status 202.
type Started struct {
	Data Start `json:"data"`
}

// Start names a run that was started.
type Start struct {
	RunID     uuid.UUID `json:"runId"`
	StatusURL string    `json:"statusUrl" doc:"Path that tells how the run is doing."`
}

func (s *Started) reply() (int, map[string]string) {
	return http.StatusAccepted, map[string]string{"Location": s.Data.StatusURL}
}

// none is the response of what leaves nothing to say.
type none struct{}

func (*none) reply() (int, map[string]string) { return http.StatusNoContent, nil }

// List is the response of a list. Data is never null.
type List[T any] struct {
	Data       []T        `json:"data"`
	Pagination Pagination `json:"pagination"`
}

// fill makes no list an empty one.
func (l *List[T]) fill() {
	if l.Data == nil {
		l.Data = []T{}
	}
}

// Pagination says which part of a list this is.
type Pagination struct {
	Limit      int     `json:"limit" doc:"At most so many."`
	NextCursor *string `json:"nextCursor" doc:"What to send as cursor for what follows; null at the end."`
	HasMore    bool    `json:"hasMore"`
	Total      *int64  `json:"total,omitempty" doc:"How many there are in all; told on the first page of some lists."`
}

// Page is the part of a list's request that says which part of the list is
// wanted. Requests of [ListOf] embed it.
type Page struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"500" doc:"At most so many."`
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
}

func (p *Page) page() *Page { return p }

// ID is a Shopify id as a parameter: a decimal number, or a gid.
type ID struct{ shop.ID }

// UnmarshalText reads an id; its errors don't repeat it.
func (i *ID) UnmarshalText(text []byte) (err error) {
	if i.ID, err = shop.ParseID(string(text)); err != nil {
		return errID{}
	}
	return nil
}

type errID struct{}

func (errID) Error() string { return "expected a Shopify id: 123 or gid://shopify/…/123" }
func (errID) Unwrap() error { return errs.Invalid }

// Schema describes ids wherever they are, shop.ID in bodies included.
func (ID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeString, Pattern: `^(gid://shopify/[A-Za-z]+/)?\d{1,19}$`, PatternDescription: "a Shopify id: 123 or gid://shopify/…/123",
		Description: "A Shopify id: decimal digits. A gid is read, too.", Examples: []any{"632910392"},
	}
}

// Versioned is embedded in things that staff edit. The version is what
// concurrent edits are told apart by, and grows with each.
type Versioned struct {
	Version int64 `json:"version" doc:"Grows with each change. Also the ETag." readOnly:"true"`
}

func (v Versioned) tag() string { return `"` + strconv.FormatInt(v.Version, 10) + `"` }

func tagged(data any) map[string]string {
	if v, ok := data.(interface{ tag() string }); ok {
		return map[string]string{"ETag": v.tag()}
	}
	return nil
}

// IfMatch is embedded in requests that change a thing. A write whose version
// is no longer the thing's is refused with errs.Stale; one without a version is
// made in any case.
type IfMatch struct {
	ETag string `header:"If-Match" doc:"The ETag of the thing when it was read; what was changed since is refused with 412."`
}

// Version returns the version that the caller saw, and false where the write
// is to be made whichever it is.
func (m IfMatch) Version() (int64, bool) {
	v, err := strconv.ParseInt(strings.Trim(strings.TrimPrefix(m.ETag, "W/"), `"`), 10, 64)
	return v, err == nil
}

// Check returns errs.Stale where the caller saw another version than there is.
func (m IfMatch) Check(current int64) error {
	if seen, ok := m.Version(); ok && seen != current {
		return fmt.Errorf("somebody else changed it since it was read: %w", errs.Stale)
	}
	return nil
}

// Resolve refuses an If-Match that is no version.
func (m IfMatch) Resolve(huma.Context) []error {
	if _, ok := m.Version(); !ok && m.ETag != "" && m.ETag != "*" {
		return []error{&huma.ErrorDetail{Location: "header.If-Match", Message: "expected one ETag as this API gives it, or *"}}
	}
	return nil
}
