package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// File is an archived result of a bulk operation.
type File struct {
	Name    string `json:"name"` // of the export, with a suffix where its window was split
	Parts   []Part `json:"parts"`
	Bytes   int64  `json:"bytes"`             // of the parts together
	Size    int64  `json:"size"`              // as Shopify says
	Objects int64  `json:"objects"`           // lines, as Shopify says
	Roots   int64  `json:"roots"`             // of these, without a parent, as Shopify says
	Partial bool   `json:"partial,omitempty"` // what a failed operation left
	Failure string `json:"failure,omitempty"`
}

// Part is an object of the archive, as its step records it.
type Part struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	ETag   string `json:"etag"`
	Total  int64  `json:"total"` // size of the whole file, -1 where the server didn't tell
}

// download archives the result of an export's operation, part by part. What an
// earlier attempt left of it keeps its name.
func (x *Exporter) download(export string, attempt int, b shopify.Bulk) ([]File, error) {
	name := export
	if attempt > 1 {
		name = step(export, attempt)
	}
	f := File{Name: export, Size: b.Bytes, Objects: b.Objects, Roots: b.Roots}
	if err := b.Err(); err != nil {
		f.Partial, f.Failure = true, err.Error()
	}
	if !b.HasResult && !b.HasPartial {
		return []File{f}, nil
	}
	for n, etag := 1, ""; ; n++ {
		p, err := workflow.Do(x.cfg.Run, step("download", name, n), func(ctx context.Context) (Part, error) {
			return x.downloadPart(ctx, b, f, step(name, fmt.Sprintf("%05d", n)), etag)
		})
		if err != nil {
			return nil, err
		}
		f.Bytes += p.Bytes
		etag = p.ETag
		if p.Bytes > 0 {
			f.Parts = append(f.Parts, p)
		}
		if p.Bytes < x.cfg.PartBytes || p.Total >= 0 && f.Bytes >= p.Total {
			return []File{f}, nil
		}
	}
}

// downloadPart may run twice: the object is the same and replaces itself.
func (x *Exporter) downloadPart(ctx context.Context, b shopify.Bulk, f File, object, etag string) (Part, error) {
	p := Part{Key: archived(x.cfg.Run.ID(), object+".jsonl")}
	hash := sha256.New()
	counter := &meter{report: func(bytes int64) {
		x.cfg.Progress.Set(ctx, step("download", f.Name), f.Bytes+bytes, f.Size, "bytes")
	}}
	err := x.cfg.Archive.Put(ctx, p.Key, func(w io.Writer) error {
		got, err := x.cfg.Shopify.Download(ctx, b, shopify.Range{Offset: f.Bytes, Length: x.cfg.PartBytes, ETag: etag},
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
