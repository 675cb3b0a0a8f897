-- +goose Up

-- The tables of the Iceberg catalog stand in a schema of their own: the
-- library that owns them makes and reads them.
CREATE SCHEMA lake;
