package workflow

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// The events of a run, its steps and their attempts.
const (
	WorkflowStarted     = "workflow_started"
	WorkflowCompleted   = "workflow_completed"
	WorkflowErrored     = "workflow_errored"
	WorkflowInterrupted = "workflow_interrupted" // canceled, taken over, or the process ends
	StepStarted         = "step_started"
	StepCompleted       = "step_completed"
	StepErrored         = "step_errored"
	StepSleeping        = "step_sleeping" // until the next attempt, or by Run.Sleep
	AttemptStarted      = "attempt_started"
	AttemptCompleted    = "attempt_completed"
	AttemptErrored      = "attempt_errored"
)

// Event tells of one thing that happened to a run.
//
// Events may be told twice: a process that is killed takes those with it that
// were not written down, so who goes on with its run tells again what the
// records of the finished steps prove. Such an event has the run, step, name,
// attempt and time, to the microsecond, of the one that was told first, and no
// two others agree in all of them.
type Event struct {
	Name     string
	Workflow string
	RunID    string
	Step     string // empty for the run's own
	Attempt  int    // of the step, from 1; of the run for the run's own
	At       time.Time
	Duration time.Duration // of what ended, or of the sleep that begins; 0 where unknown
	Err      error         // of what errored; of steps and attempts as it was recorded
	Rebuilt  bool          // told by a later execution, from the step's record
}

func (r *Run) emit(e Event) {
	if r.engine.cfg.Events == nil {
		return
	}
	e.Workflow, e.RunID = r.workflow, r.id
	r.engine.cfg.Events(e)
}

// emitOwn tells of the execution itself, now.
func (r *Run) emitOwn(name string, took time.Duration, err error) {
	r.emit(Event{Name: name, Attempt: r.execution, At: time.Now(), Duration: took, Err: err})
}

// retell tells what the steps that earlier executions finished went through: all
// but the attempts between the first and the last, of which only the number is
// kept.
func (r *Run) retell() {
	if r.engine.cfg.Events == nil {
		return
	}
	steps := slices.SortedFunc(maps.Keys(r.known), func(a, b string) int {
		return cmp.Compare(r.known[a].seq, r.known[b].seq)
	})
	for _, step := range steps {
		for _, e := range proven(step, r.known[step]) {
			e.Rebuilt = true
			r.emit(e)
		}
	}
}

// proven lists the events that a step's record proves.
func proven(step string, rec record) []Event {
	switch {
	case rec.finished.IsZero():
		return nil // who runs it tells
	case rec.output == nil && rec.failure == nil:
		return []Event{{Name: StepSleeping, Step: step, Attempt: 1, At: rec.started, Duration: rec.asleep}}
	}
	began := rec.started
	if rec.attempts > 1 {
		began = time.Time{}
	}
	return []Event{
		{Name: StepStarted, Step: step, Attempt: 1, At: rec.started},
		{Name: AttemptStarted, Step: step, Attempt: 1, At: rec.started},
		attemptEnd(step, rec, began, rec.finished),
		stepEnd(step, rec),
	}
}

// attemptEnd tells how a step's latest attempt ended. began is zero where
// nobody knows.
func attemptEnd(step string, rec record, began, ended time.Time) Event {
	e := Event{Name: AttemptCompleted, Step: step, Attempt: rec.attempts, At: ended}
	if !began.IsZero() {
		e.Duration = ended.Sub(began)
	}
	if rec.failure != nil {
		e.Name, e.Err = AttemptErrored, rec.failure.err()
	}
	return e
}

// stepEnd tells how a finished step ended.
func stepEnd(step string, rec record) Event {
	e := Event{
		Name: StepCompleted, Step: step, Attempt: rec.attempts,
		At: rec.finished, Duration: rec.finished.Sub(rec.started),
	}
	if rec.failure != nil {
		e.Name, e.Err = StepErrored, rec.failure.err()
	}
	return e
}
