-- +goose Up

-- What the alert webhook is told, once for each key: that a run ended badly, that
-- no sync goes well, that Shopify asks for something with a deadline. Whoever
-- finds it writes the row, and whoever claims it sends it.
CREATE TABLE alert (
    key             text        PRIMARY KEY,
    event           text        NOT NULL,
    run_id          uuid,
    scenario        text        NOT NULL DEFAULT '',
    status          text        NOT NULL DEFAULT '',
    cause           text        NOT NULL,
    remedy          text        NOT NULL DEFAULT '',
    at              timestamptz NOT NULL,             -- when it happened
    created_at      timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    attempts        integer     NOT NULL DEFAULT 0,
    sent_at         timestamptz,
    last_error      text
);
CREATE INDEX alert_due ON alert (next_attempt_at) WHERE sent_at IS NULL;
CREATE INDEX alert_created_at ON alert (created_at);
