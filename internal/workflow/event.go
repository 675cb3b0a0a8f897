package workflow

import "time"

// The events of a run, its steps and their attempts. Steps that are finished
// already when a run starts again have none.
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
type Event struct {
	Name     string
	Workflow string
	RunID    string
	Step     string // empty for the run's own
	Attempt  int    // of the step, from 1; of the run for the run's own
	At       time.Time
	Duration time.Duration // of what ended, or of the sleep that begins
	Err      error         // of what errored
}

func (r *Run) emit(name, step string, attempt int, d time.Duration, err error) {
	if r.engine.cfg.Events == nil {
		return
	}
	r.engine.cfg.Events(Event{
		Name: name, Workflow: r.workflow, RunID: r.id, Step: step,
		Attempt: attempt, At: time.Now(), Duration: d, Err: err,
	})
}
