package lake_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestConnectionCutInCommit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		deliver bool
	}{
		{"the commit went through: it is not done again", true},
		{"the commit never arrived: it is done again", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.drain(t, l.append(t, sales(1, 8, 0)...))
			last := l.append(t, sales(9, 20, 0)...)

			cut := newCutter(t, l.db, tt.deliver)
			unlucky := l.open(t, cut.db)
			cut.armed.Store(true)
			if err := unlucky.Drain(t.Context(), rows.TableSales, last); err != nil {
				t.Fatal(err)
			}
			if cut.armed.Load() {
				t.Error("no connection was cut")
			}
			l.checkLines(t, 20)
			tbl, err := l.Load(t.Context(), rows.TableSales)
			if err != nil || len(tbl.Metadata().Snapshots()) != 2 {
				t.Errorf("%d snapshots, %v: want 2", len(tbl.Metadata().Snapshots()), err)
			}
		})
	}
}

// cutter stands between a pool and the server. Once armed, it cuts the first
// connection that commits a change of the catalog.
type cutter struct {
	db      *pg.DB
	server  string
	deliver bool // the server gets the COMMIT, only its answer is lost
	armed   atomic.Bool
}

func newCutter(t *testing.T, db *pg.DB, deliver bool) *cutter {
	t.Helper()
	u, err := url.Parse(db.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{server: u.Host, deliver: deliver}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var clients sync.WaitGroup
	clients.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			clients.Go(func() { c.serve(client) })
		}
	})
	u.Host = listener.Addr().String()
	t.Cleanup(clients.Wait)
	t.Cleanup(func() { listener.Close() }) //nolint:errcheck // nothing is left to lose
	c.db = pgtest.Open(t, pg.Config{URL: u.String()})
	return c
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
		defer client.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			if err != nil || silent.Load() {
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	changed := false
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		changed = changed || bytes.Contains(buf[:n], []byte(`UPDATE "iceberg_tables"`))
		if changed && bytes.Contains(buf[:n], []byte("commit\x00")) && c.armed.CompareAndSwap(true, false) {
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
