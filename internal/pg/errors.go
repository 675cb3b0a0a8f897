package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// classify gives a database error its kind: errs.Unavailable where the same
// transaction may succeed later, errs.Denied where a person has to act. Errors
// of its own, and those that have a kind already, pass.
func classify(err error) error {
	if err == nil || errs.Kind(err) != "internal" || errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	var pe *pgconn.PgError
	found := errors.As(err, &pe)
	if found && pe.Code == "53100" { // disk full; the server names the file
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Unavailable),
			"make room on the disk of PostgreSQL's server; what was under way goes on by itself, or is resumed")
	}
	if Retryable(err) {
		return fmt.Errorf("%w: %w", err, errs.Unavailable)
	}
	if !found {
		return err
	}
	switch pe.Code[:2] {
	case "28": // invalid authorization
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Denied),
			"check user and password in MACRODATA_DATABASE_URL")
	case "3D": // invalid catalog name
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.NotFound),
			"create the database, or correct its name in MACRODATA_DATABASE_URL")
	}
	return err
}

// Retryable reports whether the same transaction may succeed when run again:
// a lost connection, a server that starts or stops, a deadlock, a
// serialization failure, a lock or disk that is not to be had now.
func Retryable(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, errs.Unavailable) {
		return true
	}
	if errors.Is(err, context.Canceled) || errs.Kind(err) != "internal" {
		return false
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code {
		case "40001", "40P01", "55P03", "57014": // serialization, deadlock, lock, statement timeout
			return true
		case "0A000": // a plan cached before a migration
			return strings.Contains(pe.Message, "cached plan")
		}
		switch pe.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator, system
			return true
		}
		return false
	}
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.Timeout(err) || isConnError(err)
}

// isConnError recognises pgx's own errors of a broken connection, which have
// no exported type, and that of a pool which is closed: another process may have
// an open one.
func isConnError(err error) bool {
	var ce *pgconn.ConnectError
	return errors.As(err, &ce) || pgconn.SafeToRetry(err) || strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}
