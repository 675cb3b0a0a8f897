package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/sandbox/access"
)

// door is the program as a process of its own behind a team of Cloudflare Access,
// and a member of staff who may ask it.
type door struct {
	cmd    *exec.Cmd
	issuer *access.Issuer
	token  string
	url    string
	client http.Client
	read   chan struct{} // closed when the program has said its last
}

var apiPlace = regexp.MustCompile(`API at (http://[^\s,]+)`)

// openDoor starts `serve` and waits until it answers.
func (b *bench) openDoor(ctx context.Context, s *server, env ...string) (_ *door, err error) {
	d := &door{}
	if d.issuer, err = access.NewIssuer(access.Config{}); err != nil {
		return nil, err
	}
	if err := d.issuer.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	d.token = d.issuer.Sign(d.issuer.UserClaims("bench@example.com"), nil)
	if d.cmd, d.url, d.read, err = b.startServe(ctx, s, d.issuer, env...); err != nil {
		return nil, errors.Join(err, d.issuer.Close())
	}
	return d, nil
}

// startServe starts `serve` behind a team, waits until it is ready, and returns
// where it answers. read is closed when it has said its last.
func (b *bench) startServe(ctx context.Context, s *server, team *access.Issuer, env ...string) (cmd *exec.Cmd, url string, read chan struct{}, err error) {
	cmd = b.program(ctx, s, nil, "serve")
	cmd.Env = append(append(cmd.Env, serveEnv(team.URL(), team.Audience())...), env...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, err
	}
	said, err := awaitReady(ctx, out)
	place := apiPlace.FindStringSubmatch(said)
	if err != nil || place == nil {
		cmd.Process.Kill() //nolint:errcheck // the first error counts
		cmd.Wait()         //nolint:errcheck // as above
		return nil, "", nil, fmt.Errorf("macrodata serve: not ready: %w: %.500s", cmp.Or(err, io.ErrUnexpectedEOF), said)
	}
	read = make(chan struct{})
	go func() {
		defer close(read)
		io.Copy(io.Discard, out) //nolint:errcheck // its log, a line for each request; Wait tells how it ended
	}()
	return cmd, place[1], read, nil
}

// serveEnv are settings of `serve` for a shop that nobody syncs.
func serveEnv(team, audience string) []string {
	return []string{
		"MACRODATA_SHOPIFY_SHOP=bench.myshopify.com", "MACRODATA_SHOPIFY_TOKEN=shpat_bench",
		"MACRODATA_LISTEN=127.0.0.1:0", "MACRODATA_OPS_LISTEN=127.0.0.1:0", "MACRODATA_SYNC_SCHEDULE=off",
		"MACRODATA_LAKE_SCHEDULE=off", "MACRODATA_RETENTION_SCHEDULE=off",
		"MACRODATA_ACCESS_TEAM=" + team, "MACRODATA_ACCESS_AUD=" + audience,
	}
}

func (d *door) close() error {
	err := d.cmd.Process.Signal(os.Interrupt)
	<-d.read
	// Being interrupted is how it ends, so its exit code says nothing.
	var exit *exec.ExitError
	if waitErr := d.cmd.Wait(); waitErr != nil && !errors.As(waitErr, &exit) {
		err = errors.Join(err, waitErr)
	}
	return errors.Join(err, d.issuer.Close())
}

// ask sends a request and reads what stands under "data" in its answer; out may
// be nil. The time is from sending until the last byte. An answer that may come
// later is errs.Unavailable.
func (d *door) ask(ctx context.Context, method, path string, body, out any) (time.Duration, error) {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		in = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, d.url+path, in)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Cf-Access-Jwt-Assertion", d.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	began := time.Now()
	answer, err := d.client.Do(r)
	if err != nil {
		return 0, err
	}
	all, err := io.ReadAll(answer.Body)
	took := time.Since(began)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return took, err
	}
	if answer.StatusCode != http.StatusOK {
		kind := errs.Corrupt
		if answer.StatusCode == http.StatusServiceUnavailable {
			kind = errs.Unavailable
		}
		return took, fmt.Errorf("%s %s: status %d: %.500s: %w", method, path, answer.StatusCode, all, kind)
	}
	if out == nil {
		return took, nil
	}
	return took, json.Unmarshal(all, &struct {
		Data any `json:"data"`
	}{out})
}

// times are how long the same work took, several times.
type times []time.Duration

// at returns the time that a part of all are within, such as 0.95.
func (t times) at(part float64) time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

func (t times) String() string {
	return fmt.Sprintf("p50 %s, p95 %s of %d", millis(t.at(0.5)), millis(t.at(0.95)), len(t))
}

func millis(d time.Duration) string {
	if d >= time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
}
