-- +goose Up

-- One row for each execution of a scenario's workflow. The engine keeps the
-- steps; this row is what staff see, and outlives the engine's record.
CREATE TABLE ingest_run (
    run_id       uuid PRIMARY KEY,
    scenario     text NOT NULL,
    trigger      text NOT NULL CHECK (trigger IN ('cron', 'manual', 'cli')),
    requested_by text NOT NULL,
    params       jsonb NOT NULL,
    status       text NOT NULL CHECK (status IN (
                     'queued', 'running', 'waiting', 'completed', 'completed_with_rejects',
                     'completed_with_gap', 'incomplete', 'failed', 'cancelled', 'lost')),
    step         text NOT NULL DEFAULT '',
    done         bigint NOT NULL DEFAULT 0,  -- of total, in unit, of the step
    total        bigint NOT NULL DEFAULT 0,
    unit         text NOT NULL DEFAULT '',
    window_since timestamptz,                -- null: from the beginning
    window_until timestamptz,
    counts       jsonb NOT NULL DEFAULT '{}',
    proof        jsonb,
    bytes        bigint NOT NULL DEFAULT 0,
    error_code   text,
    error_text   text,
    remedy       text,
    restart_of   uuid REFERENCES ingest_run,
    created_at   timestamptz NOT NULL DEFAULT now(),
    started_at   timestamptz,
    heartbeat_at timestamptz,
    finished_at  timestamptz
);
CREATE INDEX ingest_run_created ON ingest_run (created_at DESC, run_id);
CREATE INDEX ingest_run_scenario ON ingest_run (scenario, created_at DESC);
