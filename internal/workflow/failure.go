package workflow

import (
	"errors"

	"github.com/dbos-inc/dbos-transact-golang/dbos"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// failure is an error as the database keeps it. Workflow code sees it the first
// time too, so that a run decides alike before and after a crash: kind, message
// and remedy survive, other types on the chain don't.
type failure struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Step    string `json:"step,omitempty"`
}

func (f *failure) Error() string { return f.Message }

// Unwrap returns the kind, for errors.Is.
func (f *failure) Unwrap() error {
	for _, kind := range []error{
		errs.Invalid, errs.NotFound, errs.Conflict, errs.Stale, errs.Denied,
		errs.Unavailable, errs.TooLarge, errs.Corrupt, errs.Canceled,
	} {
		if errs.Kind(kind) == f.Kind {
			return kind
		}
	}
	return nil
}

// err returns f as code outside the package gets it.
func (f *failure) err() error {
	if f.Remedy == "" {
		return f
	}
	return errs.WithRemedy(f, f.Remedy)
}

// stepFailure is what a step's last error becomes.
func stepFailure(step string, err error) *failure {
	return &failure{errs.Kind(err), "step " + step + ": " + err.Error(), errs.Remedy(err), step}
}

// runFailure is what a workflow's error becomes in the engine's row. It names
// the step that it came from, if any, so that Resume knows where to go on.
func runFailure(err error) *dbos.PortableWorkflowError {
	out := &dbos.PortableWorkflowError{Name: errs.Kind(err), Message: err.Error(), Data: errs.Remedy(err)}
	var f *failure
	if errors.As(err, &f) {
		out.Code = f.Step
	}
	return out
}

// storedFailure reads an engine's row back. Errors of the engine itself have
// no kind.
func storedFailure(err error) *failure {
	var p *dbos.PortableWorkflowError
	if !errors.As(err, &p) {
		return &failure{Kind: errs.Kind(err), Message: err.Error()}
	}
	f := &failure{Kind: p.Name, Message: p.Message}
	f.Remedy, _ = p.Data.(string)
	f.Step, _ = p.Code.(string)
	return f
}
