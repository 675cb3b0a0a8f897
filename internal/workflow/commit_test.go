package workflow_test

import (
	"bytes"
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
	"github.com/macrodata-dev/macrodata/internal/workflow"
)

func TestConnectionCutInCommit(t *testing.T) {
	t.Parallel()
	db := pgtest.DB(t)
	mustExec(t, db, `CREATE TABLE effect (n int)`)
	for _, tt := range []struct {
		name    string
		deliver bool // the server gets the COMMIT, only its answer is lost
		applied int
	}{
		{"the commit went through: it is not done again", true, 1},
		{"the commit never arrived: it is done again", false, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cut := newCutter(t, db, tt.deliver)
			l := newLab(t, cut.db, &sync.Map{})
			mustExec(t, db, `TRUNCATE effect`)
			applied := 0
			_, err := l.run(t, func(run *workflow.Run) (string, error) {
				return tx(run, "write", func(ctx context.Context, tx pg.Tx) error {
					if applied++; applied == 1 {
						var port int32
						if err := tx.QueryRow(ctx, `SELECT inet_client_port()`).Scan(&port); err != nil {
							return err
						}
						cut.port.Store(port)
					}
					_, err := tx.Exec(ctx, `INSERT INTO effect VALUES ($1)`, applied)
					return err
				})
			})
			rows := number(t, db, `SELECT count(*) FROM effect`)
			if err != nil || rows != 1 || applied != tt.applied || cut.cuts.Load() != 1 {
				t.Errorf("%d rows after applying %d times and %d cuts, %v", rows, applied, cut.cuts.Load(), err)
			}
		})
	}
}

// cutter stands between a pool and the server, and cuts one connection when it
// sends its COMMIT.
type cutter struct {
	db      *pg.DB
	server  string
	deliver bool
	port    atomic.Int32 // of the connection to cut, as the server sees it
	cuts    atomic.Int32

	mu       sync.Mutex
	address  string
	listener net.Listener
	clients  []net.Conn
}

func newCutter(t *testing.T, db *pg.DB, deliver bool) *cutter {
	t.Helper()
	u, err := url.Parse(db.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{server: u.Host, deliver: deliver, address: "127.0.0.1:0"}
	c.listen(t)
	t.Cleanup(c.stop)
	u.Host = c.address
	c.db = pgtest.Open(t, pg.Config{URL: u.String()})
	return c
}

func (c *cutter) listen(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", c.address)
	if err != nil {
		t.Fatal(err)
	}
	c.address, c.listener = listener.Addr().String(), listener
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.clients = append(c.clients, client)
			c.mu.Unlock()
			go c.serve(client)
		}
	}()
}

// stop is an outage: no connection lives and no new one is to be had.
func (c *cutter) stop() {
	c.listener.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, client := range c.clients {
		client.Close()
	}
}

func (c *cutter) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	var silent atomic.Bool
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			if silent.Load() {
				return
			}
			if err != nil {
				client.Close()
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	mine := int32(server.LocalAddr().(*net.TCPAddr).Port)
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("commit\x00")) && c.port.CompareAndSwap(mine, 0) {
			c.cuts.Add(1)
			if c.deliver {
				silent.Store(true)
				server.Write(buf[:n]) //nolint:errcheck // the test sees what came of it
				<-answers
			}
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}
