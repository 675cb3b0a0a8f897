package outage

import (
	"bytes"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
)

// proxy stands between a program and the server, and cuts the connection of one
// commit in so many: of every other such, the server gets the COMMIT and its
// answer is lost, and of the rest not even that.
type proxy struct {
	server  string
	every   atomic.Int64 // commits; 0: none is cut
	limit   int64        // of cuts
	commits atomic.Int64
	cuts    atomic.Int64
}

// newProxy returns the address of a database by way of a proxy. It cuts nothing
// before told to.
func newProxy(t *testing.T, database string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) //nolint:errcheck // it keeps nothing
	p := &proxy{server: u.Host}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.pass(client)
		}
	}()
	u.Host = listener.Addr().String()
	return p, u.String()
}

// pass carries a connection until it is cut or one side ends it.
func (p *proxy) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var lost atomic.Bool // what the server answers from now on
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			if lost.Load() {
				return
			}
			if err != nil {
				client.Close() //nolint:errcheck // the other end reads that
				return
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		switch cut, arrives := p.decide(buf[:n]); {
		case cut && arrives:
			lost.Store(true)
			if _, err := server.Write(buf[:n]); err == nil {
				<-answered
			}
			return
		case cut:
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// decide says whether a message is a COMMIT to cut, and whether it is to arrive.
func (p *proxy) decide(message []byte) (cut, arrives bool) {
	every := p.every.Load()
	if every == 0 || !bytes.HasSuffix(bytes.ToLower(message), []byte("commit\x00")) {
		return false, false
	}
	if p.commits.Add(1)%every != 0 || p.cuts.Load() >= p.limit {
		return false, false
	}
	return true, p.cuts.Add(1)%2 == 1
}
