package access

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// listener serves a handler on loopback, in the background. The zero value
// isn't listening yet.
type listener struct {
	mu      sync.Mutex
	url     string
	server  *http.Server
	running sync.WaitGroup
}

// listen refuses any address but one on loopback: who reaches a simulator of
// sign-ins can be anyone.
func (l *listener) listen(addr string, handler http.Handler) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil || !tcp.IP.IsLoopback() {
		return fmt.Errorf("access simulator: %q is not an address on loopback: %w", addr, errs.Invalid)
	}
	accept, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return fmt.Errorf("access simulator: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.url = "http://" + accept.Addr().String()
	l.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	l.running.Go(func() { _ = l.server.Serve(accept) }) // ends with ErrServerClosed
	return nil
}

func (l *listener) address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.url
}

func (l *listener) close() error {
	l.mu.Lock()
	server := l.server
	l.mu.Unlock()
	if server == nil {
		return nil
	}
	err := server.Close() // nothing is left to be sent
	l.running.Wait()
	return err
}
