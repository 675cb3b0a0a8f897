-- name: NoteDelivery :execrows
-- No row where the delivery came before.
INSERT INTO webhook_delivery (webhook_id, topic, shop, subject, triggered_at, due_at, handled_at, outcome, payload)
VALUES (@webhook_id, @topic, @shop, sqlc.narg(subject), sqlc.narg(triggered_at),
        CASE WHEN @duty::boolean THEN now() + interval '30 days' END,
        CASE WHEN NOT @duty::boolean THEN now() END,
        @outcome, sqlc.narg(payload))
ON CONFLICT (webhook_id) DO NOTHING;

-- name: DeliveredFinish :one
SELECT EXISTS (
    SELECT 1 FROM webhook_delivery WHERE subject = @operation::text AND topic = 'bulk_operations/finish');

-- name: OpenDuties :many
-- The most urgent first.
SELECT webhook_id, topic, received_at, due_at::timestamptz AS due_at FROM webhook_delivery
WHERE handled_at IS NULL ORDER BY due_at, webhook_id LIMIT 1000;

-- name: SettleDuty :execrows
UPDATE webhook_delivery SET handled_at = now(), outcome = @outcome, payload = NULL
WHERE webhook_id = @webhook_id AND handled_at IS NULL;

-- name: Uninstalled :many
-- When the app was removed from the shop last, unless a run of a scenario that
-- needs it began later and went well.
SELECT coalesce(w.triggered_at, w.received_at)::timestamptz AS at FROM webhook_delivery w
WHERE w.topic = 'app/uninstalled'
  AND NOT EXISTS (
    SELECT 1 FROM ingest_run r
    WHERE r.scenario = @scenario AND r.started_at > coalesce(w.triggered_at, w.received_at)
      AND r.status IN ('completed', 'completed_with_rejects', 'completed_with_gap'))
ORDER BY 1 DESC LIMIT 1;

-- name: LastDeliveries :many
SELECT topic, max(received_at)::timestamptz AS at FROM webhook_delivery GROUP BY topic ORDER BY topic LIMIT 100;

-- name: PruneDeliveries :execrows
DELETE FROM webhook_delivery WHERE webhook_id IN (
    SELECT webhook_id FROM webhook_delivery WHERE handled_at < @before::timestamptz LIMIT 10000);
