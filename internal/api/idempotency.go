package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

const keyHeader = "Idempotency-Key"

const (
	maxKept   = 64 << 10         // bytes of a body that is kept for the next time
	claimTime = 25 * time.Second // for an endpoint with a key; a claim is good for 30
)

// claim is the right of one request to do what its key stands for.
type claim struct {
	db        *pg.DB
	principal string
	operation string
	key       string
	request   [sha256.Size]byte
	owner     uuid.UUID
	began     time.Time // when the key came first
	answered  bool      // in the transaction of what was done
}

// KeyID returns the id that belongs to a request's Idempotency-Key: a request
// sent again has the same. What an endpoint starts or makes outside of [InTx]
// has this id, so that nothing is started twice, even where a process dies
// between the start and the answer. Without a key it is a new id.
func KeyID(ctx context.Context) uuid.UUID {
	c := stateOf(ctx).claim
	if c == nil {
		return newID()
	}
	h := sha256.New()
	_ = json.NewEncoder(h).Encode([]any{c.principal, c.operation, c.key, c.began.UnixMicro()}) // texts and a number, into a hash
	id := uuid.UUID(h.Sum(nil)[:16])
	for i, ms := 5, c.began.UnixMilli(); i >= 0; i-- { // the form of a UUIDv7, as all our ids have
		id[i], ms = byte(ms), ms>>8
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return id
}

// InTx runs a write and keeps the answer that it makes under the request's
// Idempotency-Key in the same transaction: the effect is there if and only if
// the answer is. fn's response is what the endpoint has to return. Without a
// key it is a transaction like any other.
func InTx[R any](ctx context.Context, db *pg.DB, fn func(ctx context.Context, tx pg.Tx) (*R, error)) (response *R, err error) {
	c := stateOf(ctx).claim
	err = db.InTx(ctx, func(ctx context.Context, tx pg.Tx) (err error) {
		if response, err = fn(ctx, tx); err != nil || c == nil {
			return err
		}
		a, err := answerOf(ctx, response)
		if err != nil {
			return err
		}
		return c.answer(ctx, pgdb.New(tx), a)
	})
	if err != nil {
		return nil, err
	}
	if c != nil {
		c.answered = true
	}
	return response, nil
}

// PruneKeys deletes the keys that are older than a day and returns how many.
func PruneKeys(ctx context.Context, db *pg.DB) (deleted int64, err error) {
	for {
		n, err := pgdb.New(db).DropOldKeys(ctx)
		if deleted += n; err != nil || n == 0 {
			return deleted, err
		}
	}
}

// keyed runs an endpoint once for each Idempotency-Key.
func keyed(hc huma.Context, e Endpoint, run func(context.Context) (*answer, error)) (*answer, error) {
	r, _ := humago.Unwrap(hc)
	ctx, st, key := hc.Context(), stateOf(r.Context()), r.Header.Get(keyHeader)
	if !e.keyed || key == "" {
		return run(ctx)
	}
	c := &claim{
		db: st.api.config.DB, principal: PrincipalOf(ctx).String(), operation: e.ID, key: key, owner: newID(),
		request: sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s", r.Method, r.URL.RequestURI(), st.body)),
	}
	kept, err := c.take(ctx, st.api.config.KeyWait)
	if kept != nil || err != nil {
		return kept, err
	}
	st.claim = c
	work, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	settled := false
	defer func() { // what panicked or failed here may be tried again at once
		if !settled && !c.answered {
			c.release(context.WithoutCancel(ctx))
		}
	}()
	a, err := run(work)
	if c.answered {
		return a, err
	}
	toKeep := a
	if err != nil {
		p := problemOf(ctx, err)
		if p.Status >= http.StatusInternalServerError || p.Status == canceledStatus {
			return nil, err
		}
		toKeep = p.answer()
	}
	settled = true
	if lost := c.answer(context.WithoutCancel(ctx), pgdb.New(c.db), toKeep); lost != nil {
		st.err = lost // it is done; whoever asks again finds it by its id
	}
	return a, err
}

// take claims the key. It returns the answer that was given before, where there
// is one, and waits for one that is under way.
func (c *claim) take(ctx context.Context, patience time.Duration) (*answer, error) {
	q, deadline := pgdb.New(c.db), time.Now().Add(patience)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		var err error
		c.began, err = q.ClaimKey(ctx, pgdb.ClaimKeyParams{
			Principal: c.principal, Operation: c.operation, Key: c.key, Request: c.request[:], Owner: c.owner,
		})
		if !pg.NoRows(err) {
			return nil, err
		}
		row, err := q.ReadKey(ctx, pgdb.ReadKeyParams{Principal: c.principal, Operation: c.operation, Key: c.key})
		switch {
		case pg.NoRows(err): // pruned in between
		case err != nil:
			return nil, err
		case !bytes.Equal(row.Request, c.request[:]):
			return nil, refusal{"key_reused", "this Idempotency-Key belongs to another request", "use a new key for each thing to do"}
		case row.Status != nil:
			return keptAnswer(row)
		case time.Now().After(deadline):
			return nil, refusal{"in_progress", "the first request with this Idempotency-Key is still under way", "send it again, with the same key"}
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func keptAnswer(row pgdb.ReadKeyRow) (*answer, error) {
	a := &answer{status: int(*row.Status), mediaType: "application/json", body: row.Body}
	if a.status >= http.StatusBadRequest {
		a.mediaType = "application/problem+json"
	}
	if row.Body == nil && a.status != http.StatusNoContent {
		return nil, refusal{"answer_gone", "this was done before, and its answer was too large to keep", "read what it made"}
	}
	if err := json.Unmarshal(row.Header, &a.header); err != nil {
		return nil, err
	}
	a.set("Idempotency-Replayed", "true")
	return a, nil
}

// answer keeps what the request is answered with. Only the owner may: one that
// was taken for dead finds that it is late, and what it did is rolled back.
func (c *claim) answer(ctx context.Context, q *pgdb.Queries, a *answer) error {
	header, err := json.Marshal(a.header)
	if err != nil {
		return err
	}
	p := pgdb.AnswerKeyParams{
		Principal: c.principal, Operation: c.operation, Key: c.key, Owner: c.owner,
		Status: new(int32(a.status)), Header: header,
	}
	if len(a.body) <= maxKept {
		p.Body = a.body
	}
	n, err := q.AnswerKey(ctx, p)
	if err == nil && n == 0 {
		err = errs.WithRemedy(fmt.Errorf("it took so long that another request with its Idempotency-Key went on: %w", errs.Conflict), "send it again, with the same key")
	}
	return err
}

// release lets the next request with the key go on at once.
func (c *claim) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	// Where this fails, the claim ends by itself.
	_ = pgdb.New(c.db).ReleaseKey(ctx, pgdb.ReleaseKeyParams{Principal: c.principal, Operation: c.operation, Key: c.key, Owner: c.owner})
}
