-- reads: sync.telemetry between since and until
-- Events of a range of instants, each once, in order. since and after are the
-- place of the event that the list goes on behind: its instant and its id, or
-- the beginning of the range and ''. An empty filter is none. The same event has
-- the same id, instant and values however often it was written, apart from
-- attributes, which say so where one was told again.
SELECT
    event_id,
    occurred_at,
    scenario,
    run_id,
    coalesce(step, '') AS step,
    attempt,
    event,
    level,
    rows,
    bytes,
    duration_ms,
    coalesce(error_code, '') AS error_code,
    coalesce(message, '') AS message,
    coalesce(attributes, '') AS attributes
FROM telemetry
WHERE occurred_at >= $since::TIMESTAMPTZ
    AND occurred_at < $until::TIMESTAMPTZ
    AND (occurred_at > $since::TIMESTAMPTZ OR event_id > $after::VARCHAR)
    AND ($run::VARCHAR = '' OR run_id = $run::VARCHAR)
    AND ($scenario::VARCHAR = '' OR scenario = $scenario::VARCHAR)
    AND ($step::VARCHAR = '' OR step = $step::VARCHAR)
    AND ($event::VARCHAR = '' OR event = $event::VARCHAR)
    AND ($level::VARCHAR = '' OR level = $level::VARCHAR)
QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY attributes NULLS FIRST) = 1
ORDER BY occurred_at, event_id
LIMIT $row_limit::BIGINT
