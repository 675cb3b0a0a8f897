-- reads: *
-- The rows that a table's files have, all versions and events.
SELECT count(*) AS rows FROM planned
