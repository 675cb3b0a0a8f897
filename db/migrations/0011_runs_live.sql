-- +goose Up

-- The runs that are not over, which every process looks through every few
-- seconds. It holds no heartbeat, so that one writes no index.
CREATE INDEX ingest_run_live ON ingest_run (scenario, created_at) WHERE finished_at IS NULL;
