-- +goose Up

-- How far each schedule has come: the last of its times that was started. Where
-- several processes look at once, the one that moves it from what all of them
-- read is right, and the others find it moved.
CREATE TABLE schedule_slot (
    name     text        PRIMARY KEY,
    slot     timestamptz NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
);
