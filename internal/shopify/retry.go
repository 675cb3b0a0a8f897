package shopify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Retry says how patiently a request is repeated. The zero value of each field
// stands for its default.
type Retry struct {
	Attempts int           // of one request, the first included; default 6
	Base     time.Duration // before the second attempt, doubled for each later one; default 1 s
	Max      time.Duration // the longest of these waits; default 30 s
	Timeout  time.Duration // for one answer, and for the silence of a download; default 60 s
}

func (r Retry) withDefaults() Retry {
	return Retry{
		Attempts: cmp.Or(max(r.Attempts, 0), 6),
		Base:     cmp.Or(r.Base, time.Second),
		Max:      cmp.Or(r.Max, 30*time.Second),
		Timeout:  cmp.Or(r.Timeout, time.Minute),
	}
}

// backoff returns the wait after the nth failed attempt, counted from 1: half
// of it fixed, half random, so that processes that failed together come back
// one by one.
func (r Retry) backoff(n int) time.Duration {
	d := r.Max
	if n < 30 {
		d = min(r.Base<<max(n-1, 0), r.Max)
	}
	return d/2 + rand.N(d/2+1)
}

// longestWait is what the client sleeps itself. Beyond it the caller decides,
// who can sleep without holding a process.
const longestWait = time.Minute

// failure is an outcome after which the same request may be sent again.
type failure struct {
	err       error         // of kind errs.Unavailable
	wait      time.Duration // until it makes sense; 0 where nobody said
	throttled bool          // the cost bucket was too empty
	undone    bool          // it is certain that nothing was carried out
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// RetryAfter returns how long to wait before trying again, 0 where that is
// not known.
func (f *failure) RetryAfter() time.Duration { return f.wait }

func unavailable(format string, args ...any) *failure {
	return &failure{err: fmt.Errorf(format+": %w", append(args, errs.Unavailable)...)}
}

// networkFailure describes an error of net/http without the URL, which may be
// signed.
func networkFailure(err error) *failure {
	f := unavailable("%s", networkReason(err))
	var op *net.OpError
	f.undone = errors.As(err, &op) && op.Op == "dial"
	return f
}

func networkReason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return clip(err.Error())
}

// retryAfter reads the header of that name, in seconds or as a date; the date
// is taken against the sender's clock. It returns 0 where there is none.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(value, 64); err == nil {
		if s > 0 && s < math.MaxInt32 {
			return time.Duration(s * float64(time.Second))
		}
		return 0
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}

// pause sleeps before another attempt, after so many failed ones. It returns
// why there shall be none.
func (c *Client) pause(ctx context.Context, f *failure, failures int, what string, about ...any) error {
	wait := c.retry.backoff(failures)
	if f.wait > 0 {
		wait = f.wait + c.retry.backoff(1)
	}
	if failures >= c.retry.Attempts || max(f.wait, wait) > longestWait {
		return f
	}
	level := slog.LevelWarn
	if f.wait > 0 {
		level = slog.LevelInfo // we were told when to come back: that is how Shopify's limit works
	}
	c.log.Log(ctx, level, what, append(about, "wait", wait, "cause", f.Error())...)
	return sleep(ctx, wait)
}

// sleep waits for d or until ctx is done, and returns why it was cut short.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
