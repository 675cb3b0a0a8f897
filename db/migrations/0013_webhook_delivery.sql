-- +goose Up

-- What Shopify delivered, each once. A delivery without handled_at is a duty that
-- is still open; only such a one keeps its payload, for that may be personal data.
CREATE TABLE webhook_delivery (
    webhook_id   text        PRIMARY KEY,
    topic        text        NOT NULL,
    shop         text        NOT NULL,
    subject      text,                               -- gid of the bulk operation that has finished
    triggered_at timestamptz,                        -- by Shopify's clock
    received_at  timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz,                        -- of duties
    handled_at   timestamptz,
    outcome      text        NOT NULL,
    payload      bytea,                              -- as it was signed
    CHECK (payload IS NULL OR handled_at IS NULL)
);
CREATE INDEX webhook_delivery_subject ON webhook_delivery (subject) WHERE subject IS NOT NULL;
CREATE INDEX webhook_delivery_open ON webhook_delivery (due_at) WHERE handled_at IS NULL;
CREATE INDEX webhook_delivery_topic ON webhook_delivery (topic, received_at DESC);
