package shopify

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// maxRunning is how many bulk queries an app may have under way in a shop.
const maxRunning = 5

// urlLife is how long results are kept.
const urlLife = 7 * 24 * time.Hour

// operation is a bulk operation. The server changes its own ones under its
// lock; everybody else has copies.
type operation struct {
	id                     shop.ID
	status, errorCode      string
	createdAt, completedAt time.Time
	objects, roots         int
	query                  string
	url, partialURL        string // filled in copies
	size                   int64
	file                   string // of the result; "" where there is none
	looks                  int    // at it since it failed
	expired                bool   // by a fault
	fault                  BulkFault
	ctx                    context.Context
	stop                   context.CancelFunc
}

func (o *operation) underWay() bool {
	return o.status == "CREATED" || o.status == "RUNNING" || o.status == "CANCELING"
}

// snapshot copies the operations as they are now, ascending by id.
func (s *Server) snapshot() []operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	copies := make([]operation, len(s.operations))
	for i, op := range s.operations {
		copies[i] = s.told(*op)
	}
	return copies
}

// operation copies one operation as it is now.
func (s *Server) operation(id shop.ID) (operation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.operations, func(o *operation) bool { return o.id == id })
	if i < 0 {
		return operation{}, false
	}
	return s.told(*s.operations[i]), true
}

// look is operation for a client that asks how far one has come.
func (s *Server) look(id shop.ID) (operation, bool) {
	s.mu.Lock()
	for _, op := range s.operations {
		if op.id == id && op.status == "FAILED" {
			op.looks++
		}
	}
	s.mu.Unlock()
	return s.operation(id)
}

// expire ends the life of a result by a fault, and reports whether there is
// one.
func (s *Server) expire(id shop.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range s.operations {
		if op.id == id && op.fault.Expire {
			op.expired = true
			return true
		}
	}
	return false
}

// told fills in what depends on when it is asked: addresses are signed anew
// each time, and gone with the result.
func (s *Server) told(o operation) operation {
	now := s.now()
	switch {
	case o.status == "COMPLETED" && (o.expired || now.After(o.completedAt.Add(urlLife))):
		o.status = "EXPIRED"
	case o.status == "COMPLETED" && o.file != "":
		o.url = s.signedURL(o.id, now)
	case o.status == "FAILED" && o.file != "" && o.looks > o.fault.Late:
		o.partialURL = s.signedURL(o.id, now)
	}
	return o
}

// runBulkQuery answers bulkOperationRunQuery.
func runBulkQuery(r *request, args map[string]any) (any, error) {
	query, _ := args["query"].(string)
	export, err := r.s.compileBulk(query)
	if err != nil {
		return &bulkPayload{errors: []userError{{[]string{"query"}, err.Error(), "INVALID"}}}, nil
	}
	s := r.s
	s.mu.Lock()
	var busy []string
	for _, op := range s.operations {
		if op.underWay() {
			busy = append(busy, op.id.GID("BulkOperation"))
		}
	}
	if len(busy) >= maxRunning {
		s.mu.Unlock()
		message := "A bulk query operation for this app and shop is already in progress: " + strings.Join(busy, ", ")
		return &bulkPayload{errors: []userError{{nil, message, "OPERATION_IN_PROGRESS"}}}, nil
	}
	op := &operation{
		id: shop.ID(4_800_000_000_001 + len(s.operations)), status: "CREATED", createdAt: r.now, query: query,
		fault: s.faults.operation(query),
	}
	op.ctx, op.stop = context.WithCancel(context.Background())
	s.operations = append(s.operations, op)
	copied := *op
	s.mu.Unlock()
	s.stats.add(func(c *Stats) { c.Bulk[export.kind()]++ })
	s.running.Go(func() { s.runOperation(op, export) })
	return &bulkPayload{operation: &copied}, nil
}

// runOperation takes an operation from CREATED to its end.
func (s *Server) runOperation(op *operation, export *export) {
	defer op.stop()
	delay := s.config.BulkDelay
	if file, ok := s.preparedFor(op.query); ok {
		s.wait(op, delay)
		s.finish(op, file.result, nil)
		return
	}
	s.wait(op, delay/4)
	s.mu.Lock()
	if op.status == "CREATED" && !op.fault.Jump {
		op.status = "RUNNING"
	}
	s.mu.Unlock()
	s.wait(op, delay-delay/4)
	now := s.now()
	if op.fault.Canceling > 0 {
		s.mu.Lock()
		op.status = "CANCELING"
		s.mu.Unlock()
		s.wait(op, op.fault.Canceling)
	}
	if scope := export.missingScope(s); scope != "" {
		s.finish(op, result{}, errAccessDenied)
		return
	}
	file := filepath.Join(s.config.Dir, fmt.Sprintf("bulk-%d.jsonl", op.id))
	res, err := export.writeFile(op.ctx, file, s, now, op.fault, func(objects, roots int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		op.objects, op.roots = objects, roots
	})
	s.finish(op, res, err)
}

// wait waits in real time, whatever clock the shop has.
func (s *Server) wait(op *operation, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-op.ctx.Done():
	}
}

// finish gives an operation its last state, and tells of it.
func (s *Server) finish(op *operation, res result, err error) {
	s.end(op, res, err)
	s.tell(op)
}

func (s *Server) end(op *operation, res result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op.objects, op.roots = res.objects, res.roots
	switch {
	case op.ctx.Err() != nil || op.fault.Cancel || op.fault.Canceling > 0:
		op.status = "CANCELED" // completedAt stays null, and there is no file
		return
	case op.fault.ErrorCode != "":
		op.status, op.errorCode = "FAILED", op.fault.ErrorCode
		if op.fault.Partial {
			op.file, op.size = res.file, res.size
		}
	case errors.Is(err, errAccessDenied):
		op.status, op.errorCode = "FAILED", "ACCESS_DENIED"
	case err != nil:
		op.status, op.errorCode = "FAILED", "INTERNAL_SERVER_ERROR"
	default:
		op.status = "COMPLETED"
		if res.size > 0 {
			op.file, op.size = res.file, res.size
		}
	}
	op.completedAt = s.now()
}

// cancelBulk answers bulkOperationCancel.
func cancelBulk(r *request, args map[string]any) (any, error) {
	s := r.s
	text, _ := args["id"].(string)
	id, _ := shop.ParseID(text)
	s.mu.Lock()
	i := slices.IndexFunc(s.operations, func(o *operation) bool { return o.id == id })
	if i < 0 {
		s.mu.Unlock()
		return &bulkPayload{errors: []userError{{[]string{"id"}, "Bulk operation does not exist", ""}}}, nil
	}
	op := s.operations[i]
	var faults []userError
	if op.underWay() {
		op.status = "CANCELING"
		op.stop()
	} else {
		message := "A bulk operation cannot be canceled when it is " + strings.ToLower(op.status)
		faults = []userError{{nil, message, ""}}
	}
	copied := s.told(*op)
	s.mu.Unlock()
	return &bulkPayload{operation: &copied, errors: faults}, nil
}
