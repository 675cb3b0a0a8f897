package app

import (
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
	"github.com/macrodata-dev/macrodata/internal/scenario/combolog"
	"github.com/macrodata-dev/macrodata/internal/scenario/combotemplates"
	"github.com/macrodata-dev/macrodata/internal/scenario/designers"
	"github.com/macrodata-dev/macrodata/internal/scenario/fulfillment"
	"github.com/macrodata-dev/macrodata/internal/scenario/orderlookup"
	"github.com/macrodata-dev/macrodata/internal/scenario/performance"
	"github.com/macrodata-dev/macrodata/internal/scenario/taganalytics"
	"github.com/macrodata-dev/macrodata/internal/scenario/tagclass"
	"github.com/macrodata-dev/macrodata/internal/scenario/taggroups"
)

// Scenarios are the product: one line each, with exactly what it needs.
type Scenarios struct {
	BulkSync     *bulksync.Service
	Fulfillment  *fulfillment.Service
	Performance  *performance.Service
	TagAnalytics *taganalytics.Service
	TagGroups    *taggroups.Service
	TagClass     *tagclass.Service
	Designers    *designers.Service
	ComboLog     *combolog.Service
	Templates    *combotemplates.Service
	OrderLookup  *orderlookup.Service
}

func scenarios(a *App) Scenarios {
	measured := performance.New(a.DB)
	templates := combotemplates.New(a.Engine, a.DB, a.Runs, a.Shopify, a.Log)
	return Scenarios{
		BulkSync:     bulksync.New(a.Engine, a.DB, a.Runs, a.Blob, a.Shopify, salesLake{a.Lakehouse}, measured, a.Config.sync(), a.Log),
		Fulfillment:  fulfillment.New(a.DB),
		Performance:  measured,
		TagAnalytics: taganalytics.New(a.Engine, a.DB, a.Runs, runLake{a.Lakehouse}, a.Config.RollupMemory, a.Log),
		TagGroups:    taggroups.New(a.DB),
		TagClass:     tagclass.New(a.DB),
		Designers:    designers.New(a.DB, runLake{a.Lakehouse}),
		ComboLog:     combolog.New(a.Engine, a.DB, a.Runs, templates, a.Log),
		Templates:    templates,
		OrderLookup:  orderlookup.New(a.DB),
	}
}

// declared lists the scenarios in the product's order, with their endpoints and
// undoers. It works on the zero Scenarios, for documents.
func (s Scenarios) declared() []scenario.Scenario {
	return []scenario.Scenario{
		s.BulkSync.Scenario(),
		s.Fulfillment.Scenario(),
		s.Performance.Scenario(),
		s.TagAnalytics.Scenario(),
		s.TagGroups.Scenario(),
		s.TagClass.Scenario(),
		s.Designers.Scenario(),
		s.ComboLog.Scenario(),
		s.Templates.Scenario(),
		s.OrderLookup.Scenario(),
	}
}

// Declarations lists what the scenarios offer, without running any.
func Declarations() []scenario.Scenario { return Scenarios{}.declared() }

func (c Config) sync() bulksync.Settings {
	return bulksync.Settings{
		Overlap: c.SyncOverlap, Lag: c.SyncLag, Floor: c.SyncFloor, SweepEvery: c.SyncSweep,
		PollMin: c.SyncPollMin, PollMax: c.SyncPollMax,
		ChunkRows: c.SyncChunkRows, PartBytes: c.SyncPartBytes, RejectShare: c.SyncRejects,
	}
}
