package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// program returns a command of the product as a process of its own, on a
// server and a shop; shop may be nil. It sees no settings but ours.
func (b *bench) program(ctx context.Context, s *server, shop *shopFiles, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.Program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MACRODATA_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "MACRODATA_DATABASE_URL="+s.url, "MACRODATA_DATA_DIR="+filepath.Join(s.dir, "data"),
		"MACRODATA_SYNC_POLL_MIN=50ms", "MACRODATA_SYNC_POLL_MAX=50ms", "MACRODATA_RETRY_DELAY=1s")
	if shop != nil {
		cmd.Env = append(cmd.Env, "MACRODATA_SHOPIFY_SHOP="+shop.domain, "MACRODATA_SHOPIFY_TOKEN="+shop.token,
			"MACRODATA_SHOPIFY_URL="+shop.server.URL())
	}
	return cmd
}

// cutPassword takes the password out of an address, so that it doesn't stand
// in a list of processes.
func cutPassword(address string) (without, password string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", errors.New("address of the server can't be parsed") // url's error would quote it whole
	}
	password, _ = u.User.Password()
	u.User = url.User(u.User.Username())
	return u.String(), password, nil
}

// sampleEvery is how often a process is looked at. Reading /proc takes about a
// millisecond.
const sampleEvery = 50 * time.Millisecond

// sample is what our process and the server had used at a time.
type sample struct {
	at   time.Time
	cpu  time.Duration
	peak int64
}

// recording is a process's life in samples.
type recording struct {
	output  []byte
	samples []sample
}

// record runs a command and looks at it and at its server from time to time.
func record(cmd *exec.Cmd, s *server) (r recording, err error) {
	out, faults := &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, faults
	if err := cmd.Start(); err != nil {
		return r, err
	}
	ended := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			r.samples = append(r.samples, sample{
				time.Now(), processCPU(cmd.Process.Pid) + serverCPU(s.postmaster), memory(cmd.Process.Pid, "VmHWM"),
			})
			select {
			case <-ended:
				return
			case <-tick.C:
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	<-watched
	r.output = out.Bytes()
	if err != nil {
		return r, fmt.Errorf("macrodata %s: %w: %.1000s", cmd.Args[1], err, faults)
	}
	return r, nil
}

// between tells what was used from one time to another.
func (r recording) between(from, to time.Time) usage {
	begin, end := r.at(from), r.at(to)
	return usage{to.Sub(from), end.cpu - begin.cpu, end.peak}
}

// at estimates CPU time between two samples; the peak is that of the later.
func (r recording) at(t time.Time) sample {
	last := r.samples[0]
	for _, s := range r.samples {
		if s.cpu < last.cpu || s.peak == 0 {
			continue // the process had ended
		}
		if s.at.After(t) {
			part := float64(t.Sub(last.at)) / float64(max(s.at.Sub(last.at), 1))
			return sample{t, last.cpu + time.Duration(max(part, 0)*float64(s.cpu-last.cpu)), s.peak}
		}
		last = s
	}
	return last
}
