-- name: CreateRun :exec
INSERT INTO ingest_run (run_id, scenario, trigger, requested_by, params, status, restart_of)
VALUES (@run_id, @scenario, @trigger, @requested_by, @params, 'queued', sqlc.narg(restart_of))
ON CONFLICT (run_id) DO NOTHING;

-- name: BeginRun :exec
-- A resumed run begins again and keeps its first start.
UPDATE ingest_run
SET status = 'running', started_at = coalesce(started_at, now()), heartbeat_at = now(),
    finished_at = NULL, error_code = NULL, error_text = NULL, remedy = NULL
WHERE run_id = @run_id;

-- name: SetRunWindow :exec
UPDATE ingest_run SET window_since = sqlc.narg(since), window_until = @until WHERE run_id = @run_id;

-- name: SetRunProgress :exec
-- Only a live run is touched: a late report must not reopen a closed one. A lost
-- one is found again by it.
UPDATE ingest_run
SET step = @step, done = @done, total = @total, unit = @unit, heartbeat_at = now(),
    status = CASE WHEN @waiting::boolean THEN 'waiting' ELSE 'running' END
WHERE run_id = @run_id AND status IN ('running', 'waiting', 'lost');

-- name: BeatRuns :exec
-- A run that is worked on is not lost, or not any more. It says itself whether
-- it waits.
UPDATE ingest_run
SET heartbeat_at = now(), status = CASE status WHEN 'lost' THEN 'running' ELSE status END
WHERE run_id = ANY(@run_ids::uuid[]) AND status IN ('running', 'waiting', 'lost');

-- name: LoseRuns :exec
-- By the clock of the database, whoever asks. Processes that live beat every few
-- seconds, and take over from a dead one within about twenty.
UPDATE ingest_run SET status = 'lost'
WHERE finished_at IS NULL AND status IN ('running', 'waiting')
  AND heartbeat_at < now() - interval '1 minute';

-- name: CloseRun :execrows
UPDATE ingest_run
SET status = @status, counts = @counts, proof = sqlc.narg(proof), bytes = @bytes,
    error_code = sqlc.narg(error_code), error_text = sqlc.narg(error_text), remedy = sqlc.narg(remedy),
    finished_at = now(), heartbeat_at = now()
WHERE run_id = @run_id AND finished_at IS NULL;

-- name: ReadRun :one
SELECT * FROM ingest_run WHERE run_id = @run_id;

-- name: ListRuns :many
-- Newest first; after a position where one is given.
SELECT * FROM ingest_run
WHERE (sqlc.narg(scenario)::text IS NULL OR scenario = sqlc.narg(scenario))
  AND (sqlc.narg(status)::text IS NULL OR status = sqlc.narg(status))
  AND (sqlc.narg(trigger)::text IS NULL OR trigger = sqlc.narg(trigger))
  AND (sqlc.narg(created_from)::timestamptz IS NULL OR created_at >= sqlc.narg(created_from))
  AND (sqlc.narg(created_to)::timestamptz IS NULL OR created_at < sqlc.narg(created_to))
  AND (sqlc.narg(after_at)::timestamptz IS NULL
    OR created_at <= sqlc.narg(after_at) AND (created_at < sqlc.narg(after_at) OR run_id > sqlc.narg(after_id)::uuid))
ORDER BY created_at DESC, run_id
LIMIT @row_limit;

-- name: LiveRun :one
SELECT run_id FROM ingest_run
WHERE scenario = @scenario AND finished_at IS NULL
  AND status IN ('queued', 'running', 'waiting', 'lost')
ORDER BY created_at DESC LIMIT 1;
