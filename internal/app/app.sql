-- name: RunTotals :many
-- Runs by scenario and status, and how long those took that are over.
SELECT scenario, status, count(*) AS runs,
       count(finished_at - started_at) AS timed,
       coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)::float8 AS seconds
FROM ingest_run GROUP BY scenario, status ORDER BY scenario, status LIMIT 1000;

-- name: LastSuccesses :many
-- A replay of what was read before brings nothing new.
SELECT scenario, max(finished_at)::timestamptz AS at FROM ingest_run
WHERE status IN ('completed', 'completed_with_rejects', 'completed_with_gap') AND finished_at IS NOT NULL
  AND params->>'mode' IS DISTINCT FROM 'replay'
GROUP BY scenario ORDER BY scenario LIMIT 1000;

-- name: RunsEndedBefore :many
-- Those of some runs that are over for so long.
SELECT run_id FROM ingest_run WHERE run_id = ANY(@run_ids::uuid[]) AND finished_at < @before::timestamptz
ORDER BY run_id LIMIT 10000;
