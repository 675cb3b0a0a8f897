// Package db embeds the database schema: migrations in order, and the shapes
// of the temporary tables that bulk loading goes through.
package db

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Stage creates the temporary tables of a load, where the connection doesn't
// have them yet. They keep no rows past a commit and write no log.
//
//go:embed stage.sql
var Stage string

// Migrations returns the migration files, named NNNN_<owner>_<what>.sql: the
// owner is the package whose SQL writes the tables that it creates.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
