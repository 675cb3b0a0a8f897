package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// maxLog is the size of the log, in bytes, from which a start begins a new one.
const maxLog = 10 << 20

// launch starts the server, making the cluster first if there is none, and
// waits until it accepts connections.
func (c *Cluster) launch(ctx context.Context) error {
	bin, err := c.provide(ctx)
	if err != nil {
		return err
	}
	c.files.clearStale()
	log, err := c.openLog()
	if err != nil {
		return err
	}
	defer log.Close()

	compression := "on"
	if c.files.command(ctx, bin.program("postgres"), "-C", "wal_compression", "-D", c.files.data(),
		"-c", "wal_compression=lz4").Run() == nil {
		compression = "lz4" // a third of the cost of PostgreSQL's own, where it is built in
	}
	port := c.files.lastPort()
	for {
		if c.port, err = freePort(port); err != nil {
			return err
		}
		if err := c.writeSettings(c.port, compression); err != nil {
			return err
		}
		said, err := c.run(ctx, bin, log)
		switch {
		case err == nil:
			return nil
		case strings.Contains(said, "Address already in use"):
			port = 0 // taken since we looked
		case strings.Contains(said, "pre-existing shared memory block"):
			// Children of a killed server end when they notice, which a busy
			// one does late.
			if err := pause(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// run starts the server and returns when it accepts connections, or with what
// it said to the log when it ended or ctx did.
func (c *Cluster) run(ctx context.Context, bin Binaries, log *os.File) (said string, err error) {
	from, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	// The server outlives ctx and, if we are killed, this process.
	cmd := c.files.command(context.WithoutCancel(ctx), bin.program("postgres"), "-D", c.files.data())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return "", denied(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait() //nolint:errcheck // collects the process whenever it ends
		close(exited)
	}()
	slow := time.After(5 * time.Second)
	for look := time.Tick(pollEvery); ; {
		select {
		case <-exited:
			said := readFrom(log, from)
			return said, c.failure("the server in "+c.files.data()+" ended at its start", said)
		case <-ctx.Done():
			cmd.Process.Signal(syscall.SIGINT) //nolint:errcheck // it may have ended
			select {
			case <-exited:
			case <-time.After(10 * time.Second): // it goes on ending by itself
			}
			return "", fmt.Errorf("wait for the server in %s: %w", c.files.data(), ended(ctx))
		case <-slow:
			c.say("PostgreSQL is still starting; after a crash it recovers first. Its log: " + log.Name())
		case <-look:
			p, err := c.files.postmaster()
			if err == nil && p != nil && p.pid == cmd.Process.Pid && p.status == "ready" {
				return "", nil
			}
		}
	}
}

// openLog opens the server's log at its end; a large one becomes .1 first.
func (c *Cluster) openLog() (*os.File, error) {
	const name = "postgres.log"
	if info, err := os.Stat(c.files.path(name)); err == nil && info.Size() > maxLog {
		if err := os.Rename(c.files.path(name), c.files.path(name+".1")); err != nil {
			return nil, denied(err)
		}
	}
	return c.files.open(name, os.O_RDWR|os.O_CREATE|os.O_APPEND)
}

// readFrom returns at most the last 4 KiB that were written to the log after from.
func readFrom(log *os.File, from int64) string {
	if info, err := log.Stat(); err == nil {
		from = max(from, info.Size()-4<<10)
	}
	text, _ := io.ReadAll(io.NewSectionReader(log, from, 4<<10))
	return string(text)
}

// failure makes an error of what one of PostgreSQL's programs said before it
// failed. It keeps the lines that say why.
func (c *Cluster) failure(what, said string) error {
	var why []string
	for line := range strings.Lines(said) {
		for _, mark := range []string{"LOG:  invalid", "LOG:  unrecognized", "FATAL:", "PANIC:", "HINT:", "DETAIL:", "error:", "hint:", "detail:"} {
			if at := strings.Index(line, mark); at >= 0 {
				why = append(why, strings.Join(strings.Fields(line[at:]), " "))
				break
			}
		}
	}
	kind, remedy := errs.Unavailable, "read the log "+c.files.path("postgres.log")
	switch {
	case strings.Contains(said, "No space left on device"):
		remedy = "make room on the disk of " + c.files.dir
	case strings.Contains(said, "Permission denied"):
		kind = errs.Denied
		remedy = fmt.Sprintf("give %s to the user of PostgreSQL: chown -R %d:%d %s", c.files.data(), c.files.uid, c.files.gid, quote(c.files.data()))
	case strings.Contains(said, "invalid value for parameter"), strings.Contains(said, "unrecognized configuration parameter"):
		kind, remedy = errs.Invalid, "correct the setting that it names"
	case strings.Contains(said, `lock file "postmaster.pid" already exists`):
		kind = errs.Conflict
		remedy = "end the process that it names or, if that is no PostgreSQL, remove " + c.files.data() + "/postmaster.pid"
	}
	if len(why) == 0 {
		why = []string{strings.TrimSpace(said)}
	}
	return errs.WithRemedy(fmt.Errorf("%s: %s: %w", what, strings.Join(why, " "), kind), remedy)
}

// freePort returns the wanted port of the loopback interface if it is free,
// or another that is.
func freePort(wanted int) (int, error) {
	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", wanted))
	if err != nil && wanted != 0 {
		listener, err = net.Listen("tcp4", "127.0.0.1:0")
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port of 127.0.0.1: %w: %w", errs.Unavailable, err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("a TCP listener without a TCP address")
	}
	return address.Port, nil
}
