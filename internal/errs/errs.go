// Package errs names the kinds of errors that the program tells apart.
//
// A kind is chosen once, where the error is understood, by wrapping it:
//
//	fmt.Errorf("since is after until: %w", errs.Invalid)
//
// Layers above add their context once with [Wrap]. Only the edges (the
// command line, the API, the retry of a step) ask for the kind.
package errs

import (
	"errors"
	"fmt"
)

// The kinds. An error without one is a defect of the program and is shown as
// an internal error.
var (
	// Invalid: what the caller asked for can't be right; asking again won't help.
	Invalid = errors.New("invalid")
	// NotFound: the named thing does not exist.
	NotFound = errors.New("not found")
	// Conflict: it contradicts what exists now, such as a run in progress.
	Conflict = errors.New("conflict")
	// Stale: it was changed by somebody else since it was read.
	Stale = errors.New("stale")
	// Denied: a person has to act first: a token, a scope, a bill.
	Denied = errors.New("denied")
	// Unavailable: the other side is away or busy; the same call may go through later.
	Unavailable = errors.New("unavailable")
	// TooLarge: it would exceed a limit that protects the system; ask for less at once.
	TooLarge = errors.New("too large")
	// Corrupt: data contradicts itself: a hash, a length, a count.
	Corrupt = errors.New("corrupt")
	// Canceled: somebody asked for it to stop.
	Canceled = errors.New("canceled")
)

var kinds = []struct {
	err  error
	name string
}{
	{Invalid, "invalid"},
	{NotFound, "not_found"},
	{Conflict, "conflict"},
	{Stale, "stale"},
	{Denied, "denied"},
	{Unavailable, "unavailable"},
	{TooLarge, "too_large"},
	{Corrupt, "corrupt"},
	{Canceled, "canceled"},
}

// Kind returns the name of err's kind in snake case, or "internal" where it
// has none. It is what users see as the code of an error.
func Kind(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	return "internal"
}

// Wrap adds the name of an operation to *err, if there is one. It is meant to
// be deferred:
//
//	defer errs.Wrap(&err, "runs.Open(%s)", id)
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf(format+": %w", append(args, *err)...)
	}
}

type remedied struct {
	error
	remedy string
}

func (r remedied) Unwrap() error { return r.error }

// WithRemedy returns err with a sentence that tells the user what to do next.
func WithRemedy(err error, remedy string) error {
	if err == nil {
		return nil
	}
	return remedied{err, remedy}
}

// Remedy returns the sentence given to the innermost [WithRemedy] on err's
// chain, or "".
func Remedy(err error) string {
	remedy := ""
	for r := (remedied{}); errors.As(err, &r); err = r.error {
		remedy = r.remedy
	}
	return remedy
}
