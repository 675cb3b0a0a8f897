package bulksync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

var (
	documents   = map[string]shopify.Document{Orders: shopify.BulkOrders, Products: shopify.BulkProducts}
	idDocuments = map[string]shopify.Document{Orders: shopify.BulkOrderIDs, Products: shopify.BulkProductIDs}
)

// file is an archived result of a bulk operation.
type file struct {
	Name    string `json:"name"` // the stream, with a suffix where its window was split
	Stream  string `json:"stream"`
	Parts   []part `json:"parts"`
	Bytes   int64  `json:"bytes"`   // of the parts together
	Size    int64  `json:"size"`    // as Shopify says
	Objects int64  `json:"objects"` // lines, as Shopify says
	Roots   int64  `json:"roots"`   // as Shopify says
	Partial bool   `json:"partial"` // what a failed operation left
	Failure string `json:"failure,omitempty"`
}

// part is an object of the archive.
type part struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	ETag   string `json:"etag"`
	Total  int64  `json:"total"` // size of the whole file, -1 where the server didn't tell
}

// bulkAttempts is how often an operation is started anew that Shopify gave up.
const bulkAttempts = 3

// startAll starts the operations of all streams, so that Shopify works on them
// side by side; fetch goes on with each.
func (j *job) startAll() error {
	for _, stream := range j.plan.Streams {
		if _, err := j.start(stream.Stream, documents[stream.Stream], stream.Window, 1); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) start(name string, doc shopify.Document, w window, attempt int) (id string, err error) {
	key := step("start", name, attempt)
	if id, begun := j.started[key]; begun {
		return id, nil
	}
	defer func() { j.started[key] = id }()
	return workflow.Do(j.run, key, func(ctx context.Context) (string, error) {
		j.progress.Set(ctx, step("start", name), 0, 0, "")
		b, err := j.shopify.StartBulk(ctx, shopify.BulkQuery{
			Document: doc, Filter: shopify.Window(w.Since, w.Until),
			Name: strings.ReplaceAll(fmt.Sprintf("%s_%d_%s", name, attempt, j.id), ".", "_"), Since: j.plan.Started.Add(-time.Minute),
		})
		return b.ID, err
	})
}

// fetch gets what a document holds of a window into the archive. A window that
// takes Shopify too long is split; an operation that Shopify gave up is
// started anew; the partial result of one that goes on failing is taken, and
// the proof will not hold.
func (j *job) fetch(name string, doc shopify.Document, w window) ([]file, error) {
	var b shopify.Bulk
	for attempt := 1; ; attempt++ {
		id, err := j.start(name, doc, w, attempt)
		if err != nil {
			return nil, err
		}
		if b, err = j.await(step(name, attempt), id); err != nil {
			return nil, err
		}
		failure := b.Err()
		switch first, second, ok := w.halves(); {
		case failure == nil:
			return j.download(name, b)
		case errors.Is(failure, errs.TooLarge) && ok:
			return j.fetchHalves(name, doc, first, second)
		case errors.Is(failure, errs.Denied):
			return nil, failure
		case attempt == bulkAttempts && b.HasPartial:
			return j.download(name, b)
		case attempt == bulkAttempts:
			return nil, failure
		}
	}
}

func (j *job) fetchHalves(name string, doc shopify.Document, first, second window) ([]file, error) {
	files, err := j.fetch(name+".1", doc, first)
	if err != nil {
		return nil, err
	}
	more, err := j.fetch(name+".2", doc, second)
	return append(files, more...), err
}

// await looks at an operation until it is done. Looks and pauses are steps of
// their own, so that a restart goes on waiting where it was.
func (j *job) await(name, id string) (shopify.Bulk, error) {
	for n, pause := 1, j.set.PollMin; ; n++ {
		b, err := workflow.Do(j.run, step("poll", name, n), func(ctx context.Context) (shopify.Bulk, error) {
			b, err := j.shopify.PollBulk(ctx, id)
			j.progress.Wait(ctx, step("poll", name), b.Objects, 0, "objects exported by Shopify")
			return b, err
		})
		if err != nil || b.Done() {
			return b, err
		}
		if err := j.run.Sleep(step("pause", name, n), pause); err != nil {
			return b, err
		}
		pause = min(pause*3/2, j.set.PollMax)
	}
}

// download archives an operation's result, part by part.
func (j *job) download(name string, b shopify.Bulk) ([]file, error) {
	f := file{
		Name: name, Stream: streamOf(name),
		Size: b.Bytes, Objects: b.Objects, Roots: b.Roots,
	}
	if err := b.Err(); err != nil {
		f.Partial, f.Failure = true, err.Error()
	}
	if !b.HasResult && !b.HasPartial {
		return []file{f}, nil
	}
	for n, etag := 1, ""; ; n++ {
		p, err := workflow.Do(j.run, step("download", name, n), func(ctx context.Context) (part, error) {
			return j.downloadPart(ctx, b, f, n, etag)
		})
		if err != nil {
			return nil, err
		}
		f.Bytes += p.Bytes
		etag = p.ETag
		if p.Bytes > 0 {
			f.Parts = append(f.Parts, p)
		}
		if p.Bytes < j.set.PartBytes || p.Total >= 0 && f.Bytes >= p.Total {
			return []file{f}, nil
		}
	}
}

// downloadPart may run twice: the object is the same and replaces itself.
func (j *job) downloadPart(ctx context.Context, b shopify.Bulk, f file, n int, etag string) (part, error) {
	p := part{Key: fmt.Sprintf("archives/ingest/%s/%s-%05d.jsonl", j.id, f.Name, n)}
	hash := sha256.New()
	counter := &meter{report: func(bytes int64) {
		j.progress.Set(ctx, step("download", f.Name), f.Bytes+bytes, f.Size, "bytes")
	}}
	err := j.archive.Put(ctx, p.Key, func(w io.Writer) error {
		got, err := j.shopify.Download(ctx, b, shopify.Range{Offset: f.Bytes, Length: j.set.PartBytes, ETag: etag},
			io.MultiWriter(w, hash, counter))
		p.Bytes, p.ETag, p.Total = got.Bytes, got.ETag, got.Total
		return err
	})
	p.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return p, err
}

// meter counts what passes and reports it.
type meter struct {
	n      int64
	report func(int64)
}

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	m.report(m.n)
	return len(p), nil
}

// streamOf strips what fetch added to a stream's name.
func streamOf(name string) string {
	for _, s := range Streams() {
		if len(name) >= len(s) && name[:len(s)] == s {
			return s
		}
	}
	return name
}

// open reads the archived file from a byte on.
func (s *Service) openArchive(ctx context.Context, f file, offset int64) io.ReadCloser {
	return &archived{ctx: ctx, s: s, parts: f.Parts, skip: offset}
}

// archived reads the parts of a file as one stream, opening each when the one
// before has ended.
type archived struct {
	ctx   context.Context
	s     *Service
	parts []part
	skip  int64
	left  int64 // of the open part
	in    io.ReadCloser
}

func (a *archived) Read(p []byte) (int, error) {
	for a.in == nil {
		if len(a.parts) == 0 {
			return 0, io.EOF
		}
		next := a.parts[0]
		a.parts = a.parts[1:]
		if a.skip >= next.Bytes {
			a.skip -= next.Bytes
			continue
		}
		in, err := a.s.archive.Open(a.ctx, next.Key, a.skip, -1)
		if err != nil {
			return 0, err
		}
		a.in, a.left, a.skip = in, next.Bytes-a.skip, 0
	}
	n, err := a.in.Read(p)
	if a.left -= int64(n); a.left < 0 || err == io.EOF && a.left > 0 {
		return n, fmt.Errorf("a part of the archive has not the length that it was written with: %w", errs.Corrupt)
	}
	if err == io.EOF {
		err = a.in.Close()
		a.in = nil
	}
	return n, err
}

func (a *archived) Close() error {
	if a.in == nil {
		return nil
	}
	return a.in.Close()
}
