package lab

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Process is a `macrodata serve` under way.
type Process struct {
	*exec.Cmd
	lab   *Lab
	Log   *Log
	ended chan struct{}
	API   string // address of it, empty where there is none
	Ops   string // address for machines
}

// Log is a buffer that is read while it is written.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Begin starts a process with further settings.
func (l *Lab) Begin(t *testing.T, settings ...string) *Process {
	t.Helper()
	p := &Process{Cmd: exec.Command(l.Binary, "serve"), lab: l, Log: &Log{}, ended: make(chan struct{})}
	p.Env, p.Stderr, p.Stdout = append(l.Env, settings...), p.Log, p.Log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Wait() //nolint:errcheck // its state tells
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.Process.Kill() //nolint:errcheck // it may have ended
		<-p.ended
		if t.Failed() {
			said := p.Log.String()
			t.Logf("process %d said at last:\n%s", p.Process.Pid, said[max(0, len(said)-8<<10):])
		}
	})
	return p
}

var addresses = regexp.MustCompile(`macrodata: \S+(?:, API at (\S+))?, health at (\S+)\. `)

// Ready waits until a process takes requests.
func (p *Process) Ready(t *testing.T) *Process {
	t.Helper()
	Eventually(t, "the process is ready", func() bool {
		if p.HasEnded() {
			t.Fatalf("the process ended with %v:\n%s", p.ProcessState, p.Log)
		}
		found := addresses.FindStringSubmatch(p.Log.String())
		if found == nil {
			return false
		}
		p.API, p.Ops = found[1], found[2]
		return p.IsReady()
	})
	return p
}

// Serve starts a process and waits until it takes requests.
func (l *Lab) Serve(t *testing.T, settings ...string) *Process {
	t.Helper()
	return l.Begin(t, settings...).Ready(t)
}

// IsReady says whether a process takes requests.
func (p *Process) IsReady() bool {
	answer, err := http.Get(p.Ops + "/readyz")
	if err != nil {
		return false
	}
	answer.Body.Close() //nolint:errcheck // its status counts
	return answer.StatusCode == http.StatusOK
}

// HasEnded says whether a process has ended.
func (p *Process) HasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// Signal sends one.
func (p *Process) Signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// EndsWell waits for the end of a process that was asked to end.
func (p *Process) EndsWell(t *testing.T) {
	t.Helper()
	Eventually(t, "the process ends", p.HasEnded)
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the process ended with %v:\n%s", p.ProcessState, p.Log)
	}
}

// Call asks the API, expects a status, and reads what stands under "data".
func (p *Process) Call(t *testing.T, method, path, body string, status int, data any) {
	t.Helper()
	answer := p.Send(t, method, path, body)
	defer answer.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status {
		t.Fatalf("%s %s is answered %d %s", method, path, answer.StatusCode, text)
	}
	if err := json.Unmarshal(text, &struct {
		Data any `json:"data"`
	}{data}); err != nil {
		t.Fatal(err)
	}
}

// Send asks the API as a member of staff.
func (p *Process) Send(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	key := ""
	if method == http.MethodPost {
		key = uuid.NewString()
	}
	return p.SendKey(t, method, path, body, key)
}

// SendKey is Send with an idempotency key, or none.
func (p *Process) SendKey(t *testing.T, method, path, body, key string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.API+path, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cf-Access-Jwt-Assertion", p.lab.Issuer.Sign(p.lab.Issuer.UserClaims("ops@example.com"), nil))
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// started is what the API answers to who starts a run.
type started struct {
	RunID string `json:"runId"`
}

// Sync starts a full sync and returns its run.
func (p *Process) Sync(t *testing.T) string {
	t.Helper()
	var s started
	p.Call(t, http.MethodPost, "/api/performance-metrics/sync", `{"mode":"full"}`, http.StatusAccepted, &s)
	return s.RunID
}

// RunOf reads the run from the answer to who started one.
func RunOf(t *testing.T, body []byte) string {
	t.Helper()
	var answer struct{ Data started }
	if err := json.Unmarshal(body, &answer); err != nil || answer.Data.RunID == "" {
		t.Fatalf("who starts a run is answered %s, %v", body, err)
	}
	return answer.Data.RunID
}

// Run is how the API tells a run.
type Run struct {
	Status     string     `json:"status"`
	RestartOf  string     `json:"restartOf"`
	ErrorText  string     `json:"errorText"`
	Remedy     string     `json:"remedy"`
	FinishedAt *time.Time `json:"finishedAt"`
}

// Run reads a run.
func (p *Process) Run(t *testing.T, id string) (r Run) {
	t.Helper()
	p.Call(t, http.MethodGet, "/api/ingest/runs/"+id, "", http.StatusOK, &r)
	return r
}

// Completes waits for a run to end well.
func (p *Process) Completes(t *testing.T, id string) {
	t.Helper()
	Eventually(t, "run "+id+" has ended", func() bool {
		r := p.Run(t, id)
		if r.FinishedAt != nil && r.Status != "completed" {
			t.Fatalf("the run ended as %s: %s", r.Status, r.ErrorText)
		}
		return r.FinishedAt != nil
	})
}

// Post does something to a run, and returns the run that it is done by.
func (p *Process) Post(t *testing.T, run, what string, status int) string {
	t.Helper()
	var s started
	p.Call(t, http.MethodPost, "/api/ingest/runs/"+run+"/"+what, "", status, &s)
	return s.RunID
}
