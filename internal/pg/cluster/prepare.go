package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Codes of PostgreSQL for a connection that it refuses.
const (
	invalidPassword  = "28P01"
	cannotConnectNow = "57P03" // starting, stopping, or recovering
)

// prepare makes the role and the database macrodata if they are missing. That
// it can sign in shows that the server on the port is ours.
func (c *Cluster) prepare(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "prepare the database")
	conn, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))

	var role, database bool
	err = conn.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'macrodata'),
		       EXISTS (SELECT FROM pg_database WHERE datname = 'macrodata')`).Scan(&role, &database)
	if err != nil {
		return err
	}
	if !role {
		if err := c.createRole(ctx, conn); err != nil {
			return err
		}
	}
	if !database {
		if _, err := conn.Exec(ctx, `CREATE DATABASE macrodata OWNER macrodata`); err != nil {
			return err
		}
	}
	return nil
}

// connect signs in as the superuser of the cluster. It waits for a server that
// takes no connections for the moment.
func (c *Cluster) connect(ctx context.Context) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(c.address(url.UserPassword("postgres", c.password), "postgres"))
	if err != nil {
		return nil, fmt.Errorf("parse the address %s", c.URLRedacted()) // pgx's error would quote it whole
	}
	// A statement that fails is logged, and one of these has the password.
	config.RuntimeParams = map[string]string{"log_min_error_statement": "panic"}
	conn, err := pgx.ConnectConfig(ctx, config)
	for isCode(err, cannotConnectNow) && pause(ctx) == nil {
		conn, err = pgx.ConnectConfig(ctx, config)
	}
	if isCode(err, invalidPassword) {
		return nil, errs.WithRemedy(
			fmt.Errorf("the cluster in %s has another password than %s: %w",
				c.files.data(), c.files.path("postgres.password"), errs.Conflict),
			"put the file of this cluster back")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errs.Unavailable, err)
	}
	return conn, nil
}

func isCode(err error, code string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && refused.Code == code
}

// createRole makes the role that macrodata works as. It may read statistics
// and make databases, as tests and the workflow engine do.
func (c *Cluster) createRole(ctx context.Context, conn *pgx.Conn) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// CREATE ROLE takes no parameters, so the server quotes the password.
		var create string
		err := tx.QueryRow(ctx, `SELECT format('CREATE ROLE macrodata LOGIN CREATEDB PASSWORD %L', $1::text)`,
			c.password).Scan(&create)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, create); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `GRANT pg_monitor, pg_checkpoint TO macrodata`)
		return err
	})
}
