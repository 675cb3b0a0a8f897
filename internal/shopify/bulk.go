package shopify

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Status is the state of a bulk operation. One may go from Created to
// Completed without ever being seen Running.
type Status string

// The states, as Shopify names them.
const (
	Created   Status = "CREATED"
	Running   Status = "RUNNING"
	Completed Status = "COMPLETED"
	Failed    Status = "FAILED"
	Canceling Status = "CANCELING"
	Canceled  Status = "CANCELED"
	Expired   Status = "EXPIRED"
)

// Bulk is a bulk operation as of the last look at it. In JSON it lacks the
// signed addresses of its result, which are secrets; [Client.Download] asks
// for them again.
type Bulk struct {
	ID        string // gid://shopify/BulkOperation/…
	Status    Status
	ErrorCode string // ACCESS_DENIED, INTERNAL_SERVER_ERROR, TIMEOUT, or "" where nothing failed

	Objects int64 // lines of the result, so far
	Roots   int64 // of these, without a parent
	Bytes   int64 // of the result; 0 until it is complete

	CreatedAt   time.Time
	CompletedAt time.Time // zero until then

	HasResult  bool // there is a file; a completed operation without results has none
	HasPartial bool // there is a file of what a failed operation found; it may appear some time after the failure

	// url is the result's, or else the partial one's; nil where there is none.
	// It is a pointer so that printing an operation doesn't show it.
	url *string
}

// Done reports whether the operation has come to its end, good or bad.
func (b Bulk) Done() bool {
	switch b.Status {
	case Completed, Failed, Canceled, Expired:
		return true
	default:
		return false
	}
}

// Err says why an operation has no complete result, nil while it may still
// get one: errs.Denied for a missing scope, errs.TooLarge where a smaller
// window has to be asked for, errs.NotFound where the result expired, and
// errs.Unavailable where starting another one may help.
func (b Bulk) Err() error {
	switch {
	case b.Status == Failed && b.ErrorCode == "ACCESS_DENIED":
		return errs.WithRemedy(fmt.Errorf("bulk operation %s failed: the app lacks an access scope: %w", b.ID, errs.Denied),
			"Have a store admin check the access scopes granted to the app, then run again.")
	case b.Status == Failed && b.ErrorCode == "TIMEOUT":
		return fmt.Errorf("bulk operation %s took Shopify too long: %w", b.ID, errs.TooLarge)
	case b.Status == Failed:
		return fmt.Errorf("bulk operation %s failed with %s: %w", b.ID, clip(b.ErrorCode), errs.Unavailable)
	case b.Status == Canceled:
		return fmt.Errorf("bulk operation %s was cancelled, by Shopify or by a person: %w", b.ID, errs.Unavailable)
	case b.Status == Expired:
		return fmt.Errorf("result of bulk operation %s has expired: %w", b.ID, errs.NotFound)
	}
	return nil
}

type bulkNode struct {
	ID              string     `json:"id"`
	Status          Status     `json:"status"`
	Type            string     `json:"type"`
	ErrorCode       string     `json:"errorCode"`
	CreatedAt       time.Time  `json:"createdAt"`
	CompletedAt     *time.Time `json:"completedAt"`
	ObjectCount     int64      `json:"objectCount,string"`
	RootObjectCount int64      `json:"rootObjectCount,string"`
	FileSize        *string    `json:"fileSize"`
	URL             *string    `json:"url"`
	PartialDataURL  *string    `json:"partialDataUrl"`
	Query           string     `json:"query"`
}

func (n *bulkNode) bulk() (Bulk, error) {
	b := Bulk{
		ID:         n.ID,
		Status:     n.Status,
		ErrorCode:  n.ErrorCode,
		Objects:    n.ObjectCount,
		Roots:      n.RootObjectCount,
		CreatedAt:  n.CreatedAt.UTC(),
		HasResult:  n.URL != nil,
		HasPartial: n.PartialDataURL != nil,
		url:        cmp.Or(n.URL, n.PartialDataURL),
	}
	if n.CompletedAt != nil {
		b.CompletedAt = n.CompletedAt.UTC()
	}
	if n.FileSize != nil {
		var err error
		if b.Bytes, err = strconv.ParseInt(*n.FileSize, 10, 64); err != nil || b.Bytes < 0 {
			return b, fmt.Errorf("fileSize %q of bulk operation %s is no size: %w", clip(*n.FileSize), b.ID, errs.Corrupt)
		}
	}
	return b, nil
}

type userError struct {
	Field   []string `json:"field"`
	Message string   `json:"message"`
	Code    string   `json:"code"`
}

// PollBulk looks at a bulk operation. An id that Shopify doesn't know is
// errs.NotFound.
func (c *Client) PollBulk(ctx context.Context, id string) (b Bulk, err error) {
	defer errs.Wrap(&err, "shopify: poll of %s", clip(id))
	if err := checkBulkID(id); err != nil {
		return b, err
	}
	var data struct {
		BulkOperation *bulkNode `json:"bulkOperation"`
	}
	if _, err := c.do(ctx, request{doc: docBulkPoll, vars: map[string]any{"id": id}}, &data); err != nil {
		return b, err
	}
	if data.BulkOperation == nil {
		return b, fmt.Errorf("bulk operation does not exist: %w", errs.NotFound)
	}
	return data.BulkOperation.bulk()
}

// CancelBulk asks for an operation to stop, which may take Shopify a while. A
// finished one stays as it is.
func (c *Client) CancelBulk(ctx context.Context, id string) (err error) {
	defer errs.Wrap(&err, "shopify: cancel of %s", clip(id))
	if err := checkBulkID(id); err != nil {
		return err
	}
	var data struct {
		BulkOperationCancel struct {
			UserErrors []userError `json:"userErrors"`
		} `json:"bulkOperationCancel"`
	}
	if _, err := c.do(ctx, request{doc: docBulkCancel, vars: map[string]any{"id": id}}, &data); err != nil {
		return err
	}
	refusals := data.BulkOperationCancel.UserErrors
	if len(refusals) == 0 {
		return nil
	}
	// What has ended can't be cancelled; Shopify says so by a sentence only.
	b, err := c.PollBulk(ctx, id)
	if err != nil || b.Done() || b.Status == Canceling {
		return err
	}
	return fmt.Errorf("%s: %w", c.clean(refusals[0].Message), errs.Conflict)
}

func checkBulkID(id string) error {
	if !strings.HasPrefix(id, "gid://shopify/BulkOperation/") {
		return fmt.Errorf("id %q is not gid://shopify/BulkOperation/…: %w", clip(id), errs.Invalid)
	}
	return nil
}
