// Package bulk brings the results of Shopify's bulk operations into the archive,
// durably: an operation is started once however often a process dies, looked at
// until it is done, and downloaded in parts. A window that takes Shopify too long
// is split in two.
//
// All of it runs as steps of the caller's workflow, which declares them with its
// own; see [Steps].
package bulk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/macrodata-dev/macrodata/internal/blob"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Steps declares the steps that [Exporter.Start] and [Exporter.Fetch] run. Their
// names are frozen. In the record of a run the name of the export follows, the
// attempt and a number.
//
// Each may run twice. An operation carries the run in its name, so a second start
// finds the first; a part of a download replaces itself; a look only reads.
func Steps() []scenario.Step {
	return []scenario.Step{
		{Name: "start", Where: "Shopify", What: "Starts a bulk operation, or adopts the one whose answer was lost."},
		{Name: "poll", Where: "Shopify", What: "Looks how far a bulk operation has come."},
		{Name: "pause", Where: "", What: "Sleeps between two looks, longer each time."},
		{Name: "download", Where: "Shopify, object storage", What: "Archives one part of a result, with its length and hash."},
	}
}

// Config is what an [Exporter] needs.
type Config struct {
	Run      *workflow.Run
	Shopify  *shopify.Client
	Archive  *blob.Store
	Progress *runs.Progress

	Since     time.Time     // by Shopify's clock: the run has started no operation before
	PollMin   time.Duration // between looks at an operation, growing to PollMax
	PollMax   time.Duration
	PartBytes int64 // of the archive's objects
}

// Exporter runs the bulk operations of one run. It is for one goroutine.
type Exporter struct {
	cfg     Config
	started map[string]string // operations by step
}

// New returns the exporter of a run.
func New(c Config) *Exporter { return &Exporter{c, map[string]string{}} }

// Export is what to bring into the archive: what a document holds of a window.
// Its name tells it from the run's other exports.
type Export struct {
	Name     string
	Document shopify.Document
	Window   Window
}

// maxAttempts is how often an operation is started that Shopify gives up.
const maxAttempts = 3

// Start starts the operation of an export, so that Shopify works on it while the
// run does other things. Fetch goes on with it.
func (x *Exporter) Start(e Export) error {
	_, err := x.start(e, 1)
	return err
}

func (x *Exporter) start(e Export, attempt int) (id string, err error) {
	key := step("start", e.Name, attempt)
	if id, begun := x.started[key]; begun {
		return id, nil
	}
	defer func() { x.started[key] = id }()
	return workflow.Do(x.cfg.Run, key, func(ctx context.Context) (string, error) {
		x.cfg.Progress.Set(ctx, step("start", e.Name), 0, 0, "")
		b, err := x.cfg.Shopify.StartBulk(ctx, shopify.BulkQuery{
			Document: e.Document, Filter: shopify.Window(e.Window.Since, e.Window.Until),
			Name: strings.ReplaceAll(fmt.Sprintf("%s_%d_%s", e.Name, attempt, x.cfg.Run.ID()), ".", "_"), Since: x.cfg.Since.Add(-time.Minute),
		})
		return b.ID, err
	})
}

// Fetch brings an export into the archive, as several files where its window was
// split. An operation that Shopify gave up is started anew; of one that goes on
// failing the partial result is taken, and the file says so.
func (x *Exporter) Fetch(e Export) ([]File, error) {
	for attempt := 1; ; attempt++ {
		id, err := x.start(e, attempt)
		if err != nil {
			return nil, err
		}
		b, err := x.await(step(e.Name, attempt), id)
		if err != nil {
			return nil, err
		}
		failure := b.Err()
		switch first, second, ok := e.Window.halves(); {
		case failure == nil:
			return x.download(e.Name, b)
		case errors.Is(failure, errs.TooLarge) && ok:
			return x.fetchHalves(e, first, second)
		case errors.Is(failure, errs.Denied):
			return nil, failure
		case attempt == maxAttempts && b.HasPartial:
			return x.download(e.Name, b)
		case attempt == maxAttempts:
			return nil, failure
		}
	}
}

func (x *Exporter) fetchHalves(e Export, first, second Window) ([]File, error) {
	files, err := x.Fetch(Export{e.Name + ".1", e.Document, first})
	if err != nil {
		return nil, err
	}
	more, err := x.Fetch(Export{e.Name + ".2", e.Document, second})
	return append(files, more...), err
}

// await looks at an operation until it is done. Looks and pauses are steps of
// their own, so that a restart goes on waiting where it was.
func (x *Exporter) await(name, id string) (shopify.Bulk, error) {
	for n, pause := 1, x.cfg.PollMin; ; n++ {
		b, err := workflow.Do(x.cfg.Run, step("poll", name, n), func(ctx context.Context) (shopify.Bulk, error) {
			b, err := x.cfg.Shopify.PollBulk(ctx, id)
			x.cfg.Progress.Wait(ctx, step("poll", name), b.Objects, 0, "objects exported by Shopify")
			return b, err
		})
		if err != nil || b.Done() {
			return b, err
		}
		if err := x.cfg.Run.Sleep(step("pause", name, n), pause); err != nil {
			return b, err
		}
		pause = min(pause*3/2, x.cfg.PollMax)
	}
}

// step names a step of a family.
func step(family string, parts ...any) string {
	for _, p := range parts {
		family += fmt.Sprintf("-%v", p)
	}
	return family
}
