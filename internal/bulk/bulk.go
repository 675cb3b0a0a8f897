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
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/runs"
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/shopify"
	"github.com/macrodata-dev/macrodata/internal/webhook"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

// Steps declares the steps that [Exporter.Start] and [Exporter.Fetch] run. Their
// names are frozen. In the record of a run the name of the export follows, the
// attempt and a number; of a first attempt's download the number alone.
//
// Each may run twice. An operation carries the run in its name, so a second start
// finds the first; a part of a download and a manifest replace themselves; the
// rest only reads.
func Steps() []scenario.Step {
	return []scenario.Step{
		{Name: "start", Where: "Shopify", What: "Starts a bulk operation, or adopts the one whose answer was lost."},
		{Name: "poll", Where: "Shopify", What: "Looks how far a bulk operation has come."},
		{Name: "pause", Where: "PostgreSQL", What: "Sleeps between two looks, longer each time, or until Shopify tells that the operation has finished."},
		{Name: "download", Where: "Shopify, object storage", What: "Archives one part of a result, with its length and hash."},
		{Name: "manifest", Where: "object storage", What: "Archives what an export's files are made of, for a replay."},
		{Name: "recall", Where: "object storage", What: "Reads what a run to be replayed has archived, and checks lengths and hashes."},
	}
}

// Config is what an [Exporter] needs.
type Config struct {
	Run      *workflow.Run
	DB       *pg.DB // where webhooks are noted
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
// split, with a manifest that says so. An operation that Shopify gave up, or whose
// result can't be had any more, is started anew; of one that goes on failing the
// partial result is taken, and the file says so.
func (x *Exporter) Fetch(e Export) ([]File, error) {
	files, err := x.fetch(e)
	if err != nil {
		return nil, err
	}
	return files, x.keep(e, files)
}

func (x *Exporter) fetch(e Export) ([]File, error) {
	for attempt := 1; ; attempt++ {
		id, err := x.start(e, attempt)
		if err != nil {
			return nil, err
		}
		b, err := x.await(step(e.Name, attempt), id, attempt == maxAttempts)
		if err != nil {
			return nil, err
		}
		last := attempt == maxAttempts
		failure := b.Err()
		switch first, second, ok := e.Window.halves(); {
		case failure == nil:
			files, err := x.download(e.Name, attempt, b)
			if err == nil || !lost(err) {
				return files, err
			}
			if last {
				return nil, errs.WithRemedy(err, "start a new sync: Shopify exports anew then")
			}
		case errors.Is(failure, errs.TooLarge) && ok:
			return x.fetchHalves(e, first, second)
		case errors.Is(failure, errs.Denied):
			return nil, failure
		case last && b.HasPartial:
			return x.download(e.Name, attempt, b)
		case last:
			return nil, failure
		}
	}
}

// lost says whether a download failed for good and another operation may bring
// what this one can't any more: its result has expired, or is not the same twice.
func lost(err error) bool { return errors.Is(err, errs.NotFound) || errors.Is(err, errs.Corrupt) }

func (x *Exporter) fetchHalves(e Export, first, second Window) ([]File, error) {
	files, err := x.fetch(Export{e.Name + ".1", e.Document, first})
	if err != nil {
		return nil, err
	}
	more, err := x.fetch(Export{e.Name + ".2", e.Document, second})
	return append(files, more...), err
}

// lateLooks are taken at an operation that failed, for its partial data may come
// some time after it.
const lateLooks = 5

// await looks at an operation until it is done, and where it is the last to be
// tried, a little longer for its partial data. Looks and pauses are steps of
// their own, so that a restart goes on waiting where it was.
func (x *Exporter) await(name, id string, last bool) (shopify.Bulk, error) {
	told := false // by a webhook, once: it may come before the answer says the same
	late := 0
	for n, pause := 1, x.cfg.PollMin; ; n++ {
		b, err := workflow.Do(x.cfg.Run, step("poll", name, n), func(ctx context.Context) (shopify.Bulk, error) {
			b, err := x.cfg.Shopify.PollBulk(ctx, id)
			x.cfg.Progress.Wait(ctx, step("poll", name), b.Objects, 0, "objects exported by Shopify")
			return b, err
		})
		hopeful := last && b.Status == shopify.Failed && !b.HasPartial && late < lateLooks
		if err != nil || b.Done() && !hopeful {
			return b, err
		}
		if hopeful {
			late++
		}
		woken, err := x.sleep(step("pause", name, n), pause, id, told)
		if err != nil {
			return b, err
		}
		pause = min(pause*3/2, x.cfg.PollMax)
		if woken {
			told, pause = true, x.cfg.PollMin
		}
	}
}

// lookEvery is how often a sleep is looked up from, to see whether a webhook has
// come. That is a look into an index, cheaper than a connection that listens.
const lookEvery = time.Second

// sleep sleeps durably, or until a webhook tells that an operation has finished,
// in whichever process that came in; not where it has been told already. What is
// left of the sleep then does nothing but end.
func (x *Exporter) sleep(step string, d time.Duration, operation string, told bool) (woken bool, err error) {
	if told || d <= lookEvery {
		return false, x.cfg.Run.Sleep(step, d)
	}
	slept := make(chan error, 1)
	go func() { slept <- x.cfg.Run.Sleep(step, d) }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case err := <-slept:
			return false, err
		case <-look.C:
			// Where that can't be read, the sleep goes on.
			if finished, err := webhook.Finished(x.cfg.Run.Context(), x.cfg.DB, operation); err == nil && finished {
				return true, nil
			}
		}
	}
}

// step names a step of a family.
func step(family string, parts ...any) string {
	for _, p := range parts {
		family += fmt.Sprintf("-%v", p)
	}
	return family
}
