package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/access"
	simulator "github.com/macrodata-dev/macrodata/sandbox/access"
)

const (
	perSecond  = 200 // requests, whatever becomes of those before
	goalOfCPU  = 1.5 // times what a bare handler takes
	goalOfTail = 50  // milliseconds, of 99 in 100 requests
)

// question is a request to either side.
type question struct {
	ours, theirs string // path with query
	body         string // of a POST; "" makes it a GET
	want         string // is in each right answer
}

// inquiry is what is asked of both sides. ask returns a question for each
// number; it may send some to the program before, and to a bare handler, for
// which send is nil, none.
type inquiry struct {
	name string // of the bare handler, as a side
	what string // in words
	ask  func(ctx context.Context, orders int, send func(question) ([]byte, error)) (func(i int) question, error)
}

// answered is what a side took for its answers.
type answered struct {
	requests int
	own      time.Duration // CPU of the process
	server   time.Duration // of its database
	p50, p99 time.Duration // from when a request was due until its answer was read
	peak     int64
}

func (a answered) cpu() time.Duration { return a.own + a.server }

// each tells what a request took.
func (a answered) String() string {
	per := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(a.requests) }
	return fmt.Sprintf("%.2f CPU ms a request (%.2f the process, %.2f PostgreSQL), p50 %.1f ms, p99 %.1f ms",
		per(a.cpu()), per(a.own), per(a.server), a.p50.Seconds()*1e3, a.p99.Seconds()*1e3)
}

// inquire compares the program with a bare handler that verifies the same tokens
// and asks the same SQL. Both answer at the same database, one after the other.
func (b *bench) inquire(ctx context.Context, q inquiry) (Result, error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	team, err := simulator.NewIssuer(simulator.Config{})
	if err == nil {
		err = team.Listen("127.0.0.1:0")
	}
	if err != nil {
		return Result{}, err
	}
	defer team.Close() //nolint:errcheck // it keeps nothing
	b.Say(fmt.Sprintf("Storing %d orders …", b.orders))
	if err := s.storeOrders(ctx, b.dir, b.orders); err != nil {
		return Result{}, err
	}
	rounds, seconds := max(3, b.rounds), map[Size]int{Small: 10, Medium: 20, Full: 30}[b.Size]
	if b.Size == tiny {
		rounds = 1
	}
	var ours, theirs answered
	for i := range rounds {
		b.Say(fmt.Sprintf("Round %d of %d, %d requests a second", i+1, rounds, perSecond))
		us, err := b.answerOnce(ctx, s, team, q, true, seconds)
		if err != nil {
			return Result{}, err
		}
		them, err := b.answerOnce(ctx, s, team, q, false, seconds)
		if err != nil {
			return Result{}, err
		}
		b.Say(fmt.Sprintf("  ours %s\n  bare %s", us, them))
		ours, theirs = better(ours, us), better(theirs, them)
	}
	r := Result{
		Ratio: ours.cpu().Seconds() / max(theirs.cpu().Seconds(), tick.Seconds()), Goal: goalOfCPU,
		WallSeconds: float64(ours.requests) / perSecond, CPUSeconds: ours.cpu().Seconds(), PeakBytes: ours.peak,
		Against: fmt.Sprintf("a bare handler with the same SQL and the same check of tokens, %s: %s; ours %s", q.what, theirs, ours),
	}
	r.check("CPU of the process alone", ours.own.Seconds()/max(theirs.own.Seconds(), tick.Seconds()), goalOfCPU, "× the bare handler's")
	r.check("p99", ours.p99.Seconds()*1e3, goalOfTail, "ms")
	return r, nil
}

// better takes the least of each figure of two rounds.
func better(a, b answered) answered {
	if a.requests == 0 {
		return b
	}
	if b.cpu() < a.cpu() {
		a.own, a.server = b.own, b.server
	}
	if b.p99 < a.p99 {
		a.p50, a.p99 = b.p50, b.p99
	}
	a.peak = max(a.peak, b.peak)
	return a
}

func (s *server) storeOrders(ctx context.Context, dir string, orders int) error {
	sql, err := unpack(filepath.Join(dir, "sql"))
	if err == nil {
		_, err = s.psql(ctx, fmt.Sprintf("\\set orders %d\n\\i '%s/store_orders.sql'\n", orders, sql))
	}
	return err
}

// answerOnce starts one side, asks it for some seconds after having warmed it
// up, and stops it.
func (b *bench) answerOnce(ctx context.Context, s *server, team *simulator.Issuer, q inquiry, ours bool, seconds int) (a answered, err error) {
	cmd, address, err := b.startSide(ctx, s, team, q.name, ours)
	if err != nil {
		return a, err
	}
	defer func() {
		stopErr := cmd.Process.Signal(os.Interrupt)
		cmd.Wait() //nolint:errcheck // being interrupted is how it ends
		err = errors.Join(err, stopErr)
	}()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: perSecond}}
	defer client.CloseIdleConnections()
	token := team.Sign(team.UserClaims(simulator.Staff()[0].Mail), nil)
	send := func(one question) ([]byte, error) { return one.send(ctx, client, address, token, ours) }
	before := send
	if !ours {
		before = nil
	}
	ask, err := q.ask(ctx, b.orders, before)
	if err != nil {
		return a, err
	}
	each := func(i int) error {
		body, err := send(ask(i))
		if err == nil && !bytes.Contains(body, []byte(ask(i).want)) {
			err = fmt.Errorf("%q is not in the answer: %.300s", ask(i).want, body)
		}
		return err
	}
	warm := max(perSecond*seconds/5, 20)
	if _, err := steadily(warm, each); err != nil {
		return a, err
	}
	a.requests = max(perSecond*seconds, 50)
	own, server := processCPU(cmd.Process.Pid), serverCPU(s.postmaster)
	took, err := steadily(a.requests, func(i int) error { return each(warm + i) })
	a.own, a.server = processCPU(cmd.Process.Pid)-own, serverCPU(s.postmaster)-server
	a.peak = memory(cmd.Process.Pid, "VmHWM")
	slices.Sort(took)
	a.p50, a.p99 = took[len(took)/2], took[len(took)*99/100]
	return a, err
}

// send asks one side and reads its answer.
func (q question) send(ctx context.Context, client *http.Client, address, token string, ours bool) ([]byte, error) {
	path, method, body := q.theirs, http.MethodGet, io.Reader(nil)
	if ours {
		path = q.ours
	}
	if q.body != "" {
		method, body = http.MethodPost, strings.NewReader(q.body)
	}
	r, err := http.NewRequestWithContext(ctx, method, address+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Cf-Access-Jwt-Assertion", token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // it was read
	all, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is answered %s: %.300s", path, answer.Status, all)
	}
	return all, err
}

// steadily calls n times, perSecond a second, and returns how long after it was
// due each call came back. One that is late delays none of the others, as with
// people who don't know of each other.
func steadily(n int, call func(i int) error) (took []time.Duration, err error) {
	took = make([]time.Duration, n)
	faults := make([]error, n)
	var g sync.WaitGroup
	began := time.Now()
	for i := range n {
		due := began.Add(time.Duration(i) * time.Second / perSecond)
		time.Sleep(time.Until(due))
		g.Go(func() {
			faults[i] = call(i)
			took[i] = time.Since(due)
		})
	}
	g.Wait()
	first := slices.IndexFunc(faults, func(err error) bool { return err != nil })
	if first < 0 {
		return took, nil
	}
	return took, faults[first]
}

// startSide starts the program or the bare handler, and returns where it
// answers.
func (b *bench) startSide(ctx context.Context, s *server, team *simulator.Issuer, name string, ours bool) (cmd *exec.Cmd, address string, err error) {
	if !ours {
		return b.startBare(ctx, s, team, name)
	}
	cmd, address, _, err = b.startServe(ctx, s, team)
	return cmd, address, err
}

// bareListener is the file descriptor at which a bare handler finds its address,
// which is open before it starts.
const bareListener = 3

// bareTeam is what it reads of whose tokens are good, in its folder.
type bareTeam struct{ Team, Audience string }

const bareTeamFile = "team.json"

func (b *bench) startBare(ctx context.Context, s *server, team *simulator.Issuer, name string) (cmd *exec.Cmd, address string, err error) {
	text, err := json.Marshal(bareTeam{team.URL(), team.Audience()})
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, bareTeamFile), text, 0o600)
	}
	if err != nil {
		return nil, "", err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	defer l.Close() //nolint:errcheck // the process has its own
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, "", err
	}
	defer file.Close() //nolint:errcheck // as above
	cmd = b.program(ctx, s, nil, "bench", "side", name, s.dir)
	cmd.ExtraFiles = []*os.File{file}
	return cmd, "http://" + l.Addr().String(), cmd.Start()
}

// serveBare is a bare handler's process: it answers whom the verifier lets in
// until ctx ends.
func serveBare(ctx context.Context, folder string, handler http.Handler) error {
	text, err := os.ReadFile(filepath.Join(folder, bareTeamFile))
	if err != nil {
		return err
	}
	var team bareTeam
	if err := json.Unmarshal(text, &team); err != nil {
		return err
	}
	verifier, err := access.New(access.Config{Team: team.Team, Audience: team.Audience})
	if err != nil {
		return err
	}
	l, err := net.FileListener(os.NewFile(bareListener, "listener"))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: verifier.Protect(handler, func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}),
		ReadHeaderTimeout: time.Minute,
	}
	stop := context.AfterFunc(ctx, func() { server.Close() }) //nolint:errcheck // nothing is lost
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
