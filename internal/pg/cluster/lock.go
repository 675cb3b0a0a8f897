package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// pollEvery is the pause between two looks at a lock or a server.
const pollEvery = 20 * time.Millisecond

// lock is an advisory lock on an open file. The system releases it when its
// process ends, however it ends; the server doesn't inherit it.
type lock struct{ f *os.File }

func (f files) openLock(name string) (*lock, error) {
	file, err := f.open(name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	return &lock{file}, nil
}

// tryExclusive turns the lock into an exclusive one, unless another process
// holds it. A shared lock held before may be lost either way.
func (l *lock) tryExclusive() (bool, error) {
	err := l.flock(unix.LOCK_EX | unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

// exclusive waits for the exclusive lock.
func (l *lock) exclusive(ctx context.Context) error {
	for {
		if ok, err := l.tryExclusive(); ok || err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("wait for the process that holds %s: %w", l.f.Name(), err)
		}
	}
}

// shared turns the lock into a shared one.
func (l *lock) shared() error { return l.flock(unix.LOCK_SH) }

func (l *lock) flock(how int) error {
	for {
		err := unix.Flock(int(l.f.Fd()), how)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock %s: %w", l.f.Name(), err)
		}
	}
}

// close releases the lock.
func (l *lock) close() { l.f.Close() }

// pause waits one pollEvery, or returns why ctx ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-time.After(pollEvery):
		return nil
	}
}

// ended gives the end of ctx its kind.
func ended(ctx context.Context) error {
	kind := errs.Canceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind = errs.Unavailable
	}
	return fmt.Errorf("%w: %w", kind, context.Cause(ctx))
}
