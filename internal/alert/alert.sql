-- name: NewBadRuns :many
-- Runs that ended badly, or were lost, within a day and that nobody has been told
-- of. One that is resumed and ends badly again has another key.
SELECT r.key::text AS key, r.run_id, r.scenario, r.status,
       coalesce(r.error_text, '')::text AS error_text, coalesce(r.remedy, '')::text AS remedy, r.at::timestamptz AS at,
       coalesce(g.stream, '')::text AS gap_stream, coalesce(g.reason, '')::text AS gap_reason,
       coalesce(g.since, now())::timestamptz AS gap_since, coalesce(g.until, now())::timestamptz AS gap_until
FROM (
    SELECT run_id, scenario, status, error_text, remedy, coalesce(finished_at, heartbeat_at, created_at) AS at,
           'run:' || run_id || ':' || extract(epoch FROM coalesce(finished_at, heartbeat_at, created_at)) AS key
    FROM ingest_run
    WHERE status IN ('failed', 'lost', 'incomplete', 'completed_with_gap')
) r
LEFT JOIN LATERAL (SELECT * FROM ingest_gap x WHERE x.run_id = r.run_id ORDER BY x.since LIMIT 1) g ON true
WHERE r.at > now() - interval '1 day' AND NOT EXISTS (SELECT 1 FROM alert a WHERE a.key = r.key)
ORDER BY r.at LIMIT 100;

-- name: LastGoodRun :one
-- When a scenario's run went well last; where none has, when the first was asked
-- for; where there was none, now.
SELECT coalesce(max(finished_at) FILTER (WHERE status IN ('completed', 'completed_with_rejects', 'completed_with_gap')),
                min(created_at), now())::timestamptz AS since,
       now()::timestamptz AS now
FROM ingest_run WHERE scenario = @scenario AND params->>'mode' IS DISTINCT FROM 'replay'; -- which brings nothing new

-- name: NewNotices :many
-- What Shopify asked for or told of: a duty when it comes and again a week before
-- its time is over, the end of the app when it comes.
SELECT ('webhook:' || w.webhook_id || CASE WHEN w.due_at < now() + interval '7 days' THEN ':due' ELSE '' END)::text AS key,
       w.topic, coalesce(w.triggered_at, w.received_at)::timestamptz AS at, coalesce(w.due_at, now())::timestamptz AS due_at
FROM webhook_delivery w
WHERE (w.handled_at IS NULL OR w.topic = 'app/uninstalled' AND w.received_at > now() - interval '1 day')
  AND NOT EXISTS (
    SELECT 1 FROM alert a
    WHERE a.key = 'webhook:' || w.webhook_id || CASE WHEN w.due_at < now() + interval '7 days' THEN ':due' ELSE '' END)
ORDER BY w.received_at LIMIT 100;

-- name: NoteAlert :exec
INSERT INTO alert (key, event, run_id, scenario, status, cause, remedy, at)
VALUES (@key, @event, sqlc.narg(run_id), @scenario, @status, @cause, @remedy, @at)
ON CONFLICT (key) DO NOTHING;

-- name: ClaimAlert :one
-- Takes one that is due, until it would be tried again: twice as long after each
-- attempt, from first to longest, in seconds.
UPDATE alert
SET attempts = attempts + 1,
    next_attempt_at = now() + make_interval(secs => least(sqlc.arg(longest)::float8, sqlc.arg(first)::float8 * power(2, least(attempts, 20))))
WHERE key = (
    SELECT key FROM alert WHERE sent_at IS NULL AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: AlertSent :exec
UPDATE alert SET sent_at = now(), last_error = NULL WHERE key = @key;

-- name: AlertFailed :exec
UPDATE alert SET last_error = @last_error::text WHERE key = @key AND sent_at IS NULL;

-- name: AlertsHeldUp :one
-- Those that an attempt has failed for.
SELECT count(*) AS waiting, coalesce(min(created_at), now())::timestamptz AS since,
       coalesce(max(last_error), '')::text AS last_error
FROM alert WHERE sent_at IS NULL AND last_error IS NOT NULL;

-- name: PruneAlerts :execrows
DELETE FROM alert WHERE key IN (SELECT key FROM alert WHERE created_at < @before::timestamptz LIMIT 10000);
