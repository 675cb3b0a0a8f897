-- +goose Up

-- What came in as a CSV of combos: the file until it is read, then what each of
-- its rows means, and in the end what was written when somebody said yes.
CREATE TABLE combolog_import (
    run_id uuid PRIMARY KEY,
    body text,                       -- as sent; NULL once it is read
    row_verdicts jsonb,              -- a list, in the order of the file; NULL before
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    written jsonb                    -- what the confirmation answered; NULL before
);
