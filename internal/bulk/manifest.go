package bulk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Manifest says what an export has come to in the archive. It stands beside the
// parts of its files, so that a run can be loaded again without Shopify.
type Manifest struct {
	Export string `json:"export"`
	Window Window `json:"window"`
	Files  []File `json:"files"` // in the order of their windows
}

// archived is the key of an object that a run has archived.
func archived(run, object string) string { return "archives/ingest/" + run + "/" + object }

// keep archives the manifest of an export. It may run twice: the object is the
// same and replaces itself.
func (x *Exporter) keep(e Export, files []File) error {
	_, err := workflow.Do(x.cfg.Run, step("manifest", e.Name), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, x.cfg.Archive.Put(ctx, archived(x.cfg.Run.ID(), e.Name+".json"), func(w io.Writer) error {
			return json.NewEncoder(w).Encode(Manifest{e.Name, e.Window, files})
		})
	})
	return err
}

// Recall returns what another run has archived of an export, after it has read
// all of it and found it as it was written. What isn't there, or not any more, is
// errs.NotFound, and what has changed errs.Corrupt; both name the object.
func (x *Exporter) Recall(run, export string) (Manifest, error) {
	m, err := workflow.Do(x.cfg.Run, step("recall", export), func(ctx context.Context) (Manifest, error) {
		x.cfg.Progress.Set(ctx, step("recall", export), 0, 0, "")
		return x.readManifest(ctx, archived(run, export+".json"))
	})
	if err != nil {
		return m, err
	}
	var size, done int64
	for _, f := range m.Files {
		size += f.Bytes
	}
	n := 0
	for _, f := range m.Files {
		for _, p := range f.Parts {
			n++
			_, err := workflow.Do(x.cfg.Run, step("recall", export, n), func(ctx context.Context) (struct{}, error) {
				x.cfg.Progress.Set(ctx, step("recall", export), done, size, "bytes")
				return struct{}{}, x.checkPart(ctx, p)
			})
			if err != nil {
				return m, err
			}
			done += p.Bytes
		}
	}
	return m, nil
}

// maxManifest is larger than a manifest of a terabyte is.
const maxManifest = 16 << 20

func (x *Exporter) readManifest(ctx context.Context, key string) (m Manifest, err error) {
	defer errs.Wrap(&err, "manifest %s", key)
	in, err := x.cfg.Archive.Open(ctx, key, 0, -1)
	if errors.Is(err, errs.NotFound) {
		return m, errs.WithRemedy(err, "the run didn't get as far as to archive this export, or its archive is older than archives are kept: start a sync instead")
	}
	if err != nil {
		return m, err
	}
	defer in.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(in, maxManifest))
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, workflow.Permanent(changed(fmt.Errorf("%w: %w", err, errs.Corrupt)))
	}
	return m, nil
}

func (x *Exporter) checkPart(ctx context.Context, p Part) (err error) {
	defer errs.Wrap(&err, "archived part %s", p.Key)
	in, err := x.cfg.Archive.Open(ctx, p.Key, 0, -1)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	switch {
	case err != nil:
		return err
	case n != p.Bytes:
		return workflow.Permanent(changed(fmt.Errorf("it has %d bytes, and had %d: %w", n, p.Bytes, errs.Corrupt)))
	case hex.EncodeToString(hash.Sum(nil)) != p.SHA256:
		return workflow.Permanent(changed(fmt.Errorf("its bytes are not those that were written: %w", errs.Corrupt)))
	}
	return nil
}

func changed(err error) error {
	return errs.WithRemedy(err, "the archive was changed from outside: put the object back, or start a full sync instead")
}
