-- +goose Up

-- What a durable step came to. A run's steps are known by name: a run that
-- starts again after a crash reads its rows here and skips what is finished.
-- A row without finished_at is a step between two attempts.
CREATE TABLE step_done (
    run_id      text        NOT NULL,
    step        text        NOT NULL,
    seq         integer     NOT NULL, -- order in which the run came to its steps
    attempts    integer     NOT NULL,
    output      json,                 -- json and not jsonb: kept as written, NUL characters too
    failure     json,                 -- {kind, message, remedy, step} of the last attempt that failed
    wake_at     timestamptz,          -- end of a sleep, or of the wait before the next attempt
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (run_id, step)
);

-- The processes that run workflows. One whose lease is missing or has run out,
-- or whose process is gone from its machine, has lost its runs to the others.
CREATE TABLE executor_lease (
    executor_id text        PRIMARY KEY,
    host        text        NOT NULL, -- kernel boot and pid namespace; empty where unknown
    pid         integer     NOT NULL,
    pid_started text        NOT NULL, -- tells a process from a later one with its pid
    renewed_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL
);
