package cli

import (
	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/sandbox/access"
)

// devDoor is the program's server behind an edge, as Cloudflare's is in
// production: browsers reach the edge, and the server takes only what the edge
// has signed.
type devDoor struct {
	issuer *access.Issuer
	edge   *access.Edge
	server *app.Server
}

// openDevDoor opens all three, the edge at the address that is the server's
// elsewhere.
func openDevDoor(a *app.App) (_ *devDoor, err error) {
	d := &devDoor{}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if d.issuer, err = access.NewIssuer(access.Config{}); err != nil {
		return nil, err
	}
	if err = d.issuer.Listen("127.0.0.1:0"); err != nil {
		return nil, err
	}
	public := a.Config.Listen
	a.Config.AccessTeam, a.Config.AccessAudience, a.Config.Listen = d.issuer.URL(), d.issuer.Audience(), "127.0.0.1:0"
	if d.server, err = app.NewServer(a); err != nil {
		return nil, err
	}
	if d.edge, err = access.NewEdge(access.EdgeConfig{Issuer: d.issuer, Origin: d.server.URL()}); err != nil {
		return nil, err
	}
	return d, errs.WithRemedy(d.edge.Listen(public), "set MACRODATA_LISTEN to a free address of this machine, such as 127.0.0.1:8081")
}

// close closes what is open.
func (d *devDoor) close() {
	if d.edge != nil {
		d.edge.Close() //nolint:errcheck // it keeps nothing
	}
	if d.server != nil {
		d.server.Close()
	}
	if d.issuer != nil {
		d.issuer.Close() //nolint:errcheck // it keeps nothing
	}
}
