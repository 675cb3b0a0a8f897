package bench

import (
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Ready is the line that the hidden command `bench idle` prints when the engine
// is launched.
const Ready = "ready"

// The limits of a start, a binary and an idle process.
const (
	startLimit  = time.Second
	binaryLimit = 180 // MB
	idleLimit   = 120 // MiB
	idleFor     = 3 * time.Second
)

// runStart measures how long a process takes from its start to a launched
// engine on a migrated database, how large the program is without its symbols,
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
		Against: fmt.Sprintf("%s from exec to launched engine on a migrated database, without an HTTP listener; median of %d", startLimit, starts),
	}
	r.check("binary without symbols", float64(size)/1e6, binaryLimit, "MB")
	r.check("idle memory", float64(resting.peak)/(1<<20), idleLimit, "MiB")
	return r, nil
}

// startOnce starts the program and interrupts it when it is ready and has then
// idled for a time. wall is from the start until it was ready; cpu is of its
// whole life; peak is what it held at the end of the idling.
func (b *bench) startOnce(ctx context.Context, s *server, idle time.Duration) (u usage, err error) {
	cmd := b.program(ctx, s, nil, "bench", "idle")
	cmd.Env = append(cmd.Env, "MACRODATA_SHOPIFY_SHOP=bench.myshopify.com", "MACRODATA_SHOPIFY_TOKEN=shpat_bench")
	var faults strings.Builder
	cmd.Stderr = &faults
	out, err := cmd.StdoutPipe()
	if err != nil {
		return u, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	u.wall = time.Since(began)
	if readErr == nil && strings.TrimSpace(line) == Ready {
		select {
		case <-time.After(idle):
		case <-ctx.Done():
		}
		u.peak = memory(cmd.Process.Pid, "VmRSS")
		readErr = cmd.Process.Signal(os.Interrupt)
	}
	io.Copy(io.Discard, out) //nolint:errcheck // Wait tells how it ended
	// Being interrupted is how it ends, so its exit code says nothing.
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return u, err
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if readErr != nil {
		return u, fmt.Errorf("macrodata bench idle: not ready: %w: %.500s", readErr, faults.String())
	}
	return u, nil
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
