package bench

import (
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The limits of a start, a binary and an idle process.
const (
	startLimit  = time.Second
	binaryLimit = 180 // MB
	idleLimit   = 120 // MiB
	idleFor     = 3 * time.Second
)

// runStart measures how long `macrodata serve` takes from its start until it is
// ready, on a migrated database, how large the program is without its symbols,
// and how much memory it holds while nothing happens.
func runStart(ctx context.Context, b *bench) (Result, error) {
	s, err := b.newServer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer s.close() //nolint:errcheck // it is temporary
	// The first start makes the engine's own tables.
	if _, err := b.startOnce(ctx, s, 0); err != nil {
		return Result{}, err
	}
	starts, idle := 9, idleFor
	if b.Size == tiny {
		starts, idle = 1, 0
	}
	var all []usage
	for range starts {
		u, err := b.startOnce(ctx, s, 0)
		if err != nil {
			return Result{}, err
		}
		all = append(all, u)
	}
	slices.SortFunc(all, func(a, b usage) int { return int(a.wall - b.wall) })
	u := all[len(all)/2]
	b.Say(fmt.Sprintf("  ready after %.0f ms", u.wall.Seconds()*1e3))
	resting, err := b.startOnce(ctx, s, idle)
	if err != nil {
		return Result{}, err
	}
	size, err := strippedSize(b.Program)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Ratio: u.wall.Seconds() / startLimit.Seconds(), Goal: 1,
		WallSeconds: u.wall.Seconds(), CPUSeconds: u.cpu.Seconds(), PeakBytes: u.peak,
		Against: fmt.Sprintf("%s from exec until /readyz says so, on a migrated database; median of %d", startLimit, starts),
	}
	r.check("binary without symbols", float64(size)/1e6, binaryLimit, "MB")
	r.check("idle memory", float64(resting.peak)/(1<<20), idleLimit, "MiB")
	return r, nil
}

// servePlace is what `serve` says of itself when it answers.
var servePlace = regexp.MustCompile(`health at (http://\S+?)[,.]? `)

// startOnce starts the program and interrupts it when it is ready and has then
// idled for a time. wall is from the start until it was ready; cpu is of its
// whole life; peak is what it held at the end of the idling.
func (b *bench) startOnce(ctx context.Context, s *server, idle time.Duration) (u usage, err error) {
	cmd := b.program(ctx, s, nil, "serve")
	// A team on this machine that nobody asks anything of.
	cmd.Env = append(cmd.Env, serveEnv("http://127.0.0.1:1", strings.Repeat("0", 64))...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return u, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	said, readyErr := awaitReady(ctx, out)
	u.wall = time.Since(began)
	if readyErr == nil {
		select {
		case <-time.After(idle):
		case <-ctx.Done():
		}
		u.peak = memory(cmd.Process.Pid, "VmRSS")
	}
	stopErr := cmd.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, out) //nolint:errcheck // Wait tells how it ended
	// Being interrupted is how it ends, so its exit code says nothing.
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return u, err
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if err := errors.Join(readyErr, stopErr); err != nil {
		return u, fmt.Errorf("macrodata serve: not ready: %w: %.500s", err, said)
	}
	return u, nil
}

// awaitReady reads where a program can be asked, and asks there until it is
// ready. It returns what the program said so far.
func awaitReady(ctx context.Context, out io.Reader) (said string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said += lines.Text() + "\n"
		place := servePlace.FindStringSubmatch(lines.Text())
		if place == nil {
			continue
		}
		for ctx.Err() == nil {
			if ready(ctx, place[1]+"/readyz") {
				return said, nil
			}
		}
		return said, ctx.Err()
	}
	return said, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}

// ready asks once.
func ready(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// strippedSize is how large an ELF program would be without its symbols and
// debug information; of another format, how large it is.
func strippedSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	f, err := elf.Open(path)
	if err != nil {
		return info.Size(), nil
	}
	defer f.Close() //nolint:errcheck // only read
	size := info.Size()
	for _, s := range f.Sections {
		if s.Name == ".symtab" || s.Name == ".strtab" || strings.HasPrefix(s.Name, ".debug_") {
			size -= int64(s.FileSize)
		}
	}
	return size, nil
}
