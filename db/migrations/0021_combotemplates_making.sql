-- +goose Up

-- The combos that are made of templates, each with the run that does the
-- template's actions: noted with the combo, in one transaction, so that the run
-- begins also where the process ends before it could start it.
CREATE TABLE combotemplates_making (
    run_id uuid PRIMARY KEY,
    combo_id uuid NOT NULL,
    actions jsonb NOT NULL,          -- as the template had them
    principal_kind text NOT NULL,    -- in whose name they are done
    principal_name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz           -- NULL until the engine has the run
);
CREATE INDEX combotemplates_making_waiting ON combotemplates_making (created_at) WHERE started_at IS NULL;
