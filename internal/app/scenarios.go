package app

import (
	"github.com/macrodata-dev/macrodata/internal/scenario"
	"github.com/macrodata-dev/macrodata/internal/scenario/bulksync"
)

// Scenarios are the product: one line each, with exactly what it needs.
type Scenarios struct {
	BulkSync *bulksync.Service
}

func scenarios(a *App) Scenarios {
	return Scenarios{
		BulkSync: bulksync.New(a.Engine, a.DB, a.Runs, a.Blob, a.Shopify, salesLake{a.Lakehouse}, a.Config.sync(), a.Log),
	}
}

// Declarations lists what the scenarios offer, without running any.
func Declarations() []scenario.Scenario {
	return []scenario.Scenario{
		bulksync.Scenario(),
	}
}

func (c Config) sync() bulksync.Settings {
	return bulksync.Settings{
		Overlap: c.SyncOverlap, Lag: c.SyncLag, Floor: c.SyncFloor, SweepEvery: c.SyncSweep,
		PollMin: c.SyncPollMin, PollMax: c.SyncPollMax,
		ChunkRows: c.SyncChunkRows, PartBytes: c.SyncPartBytes, RejectShare: c.SyncRejects,
	}
}
