// Package cluster runs the private PostgreSQL of a laptop or a single
// machine: one server below the data directory that belongs to all the
// processes using that directory, and to nobody else.
//
// The first process makes and starts it, later ones attach, and the last to
// leave stops it. A killed process leaves the server running; the next one
// adopts it. The server listens on a port of the loopback interface alone,
// asks for a password (SCRAM), and never trades durability for speed.
//
// PostgreSQL refuses to run as root. For root it therefore runs as the owner
// of the cluster that is there, or as the user postgres.
//
// In the data directory:
//
//	postgres/           the cluster, as initdb makes it, mode 0700
//	postgres.password   password of both roles, mode 0600
//	postgres.log        log of the server; .1 is the one before
//	postgres.lock       held by a process that starts or stops the server
//	postgres.users      held, shared, by each process that uses the server
package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// fallbackDir replaces a default data directory that the server's user can't
// reach, as one below /root.
const fallbackDir = "/var/lib/macrodata"

// startLimit ends a start whose context has no deadline of its own. It leaves
// room for the recovery of a full max_wal_size on a slow disk.
const startLimit = 10 * time.Minute

// Config says where the cluster lives.
type Config struct {
	// Dir is the data directory; the cluster is its subfolder postgres. It is
	// made if missing.
	Dir string
	// DirIsDefault says that nobody chose Dir, so that another may take its
	// place: /var/lib/macrodata, where root runs the program and the user
	// postgres can't reach Dir.
	DirIsDefault bool
	// Say, if set, receives one line for people at a time: what takes long,
	// and what they might not expect.
	Say func(string)
	// Settings are added to the server's own settings and win over them. They
	// count when this process starts the server, not when it finds one running.
	Settings map[string]string
}

// Cluster is a running server that this process uses.
type Cluster struct {
	files    files
	say      func(string)
	settings map[string]string

	password string
	port     int
	adopted  bool

	mu      sync.Mutex // serialises Stop
	stopped bool
	users   *lock
}

// Start returns a server that accepts connections, with the role and the
// database macrodata in it. It makes the cluster, starts the server, adopts
// one that a killed process left, or attaches to one in use.
//
// Its errors are errs.Invalid for a wrong Config, errs.NotFound where
// PostgreSQL's programs or its user are missing, errs.Denied for folders that
// can't be used, errs.Conflict for a cluster of another major version or
// another password, errs.Unavailable where the server doesn't come up, and
// errs.Canceled; each but the last with a remedy.
func Start(ctx context.Context, cfg Config) (_ *Cluster, err error) {
	defer errs.Wrap(&err, "start the private PostgreSQL")
	return start(ctx, cfg, fallbackDir)
}

func start(ctx context.Context, cfg Config, fallback string) (*Cluster, error) {
	if err := checkSettings(cfg.Settings); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()

	c := &Cluster{say: cfg.Say, settings: cfg.Settings}
	if c.say == nil {
		c.say = func(string) {}
	}
	var err error
	if c.files, err = locate(cfg, fallback, c.say); err != nil {
		return nil, err
	}
	starting, err := c.files.openLock("postgres.lock")
	if err != nil {
		return nil, err
	}
	defer starting.close()
	if err := starting.exclusive(ctx); err != nil {
		return nil, err
	}
	if c.users, err = c.files.openLock("postgres.users"); err != nil {
		return nil, err
	}
	if err := c.join(ctx); err != nil {
		c.users.close()
		return nil, err
	}
	return c, nil
}

// join finds or starts the server and counts this process among its users. It
// is called with the start lock held, so that nobody leaves meanwhile.
func (c *Cluster) join(ctx context.Context) error {
	alone, err := c.users.tryExclusive()
	if err != nil {
		return err
	}
	if err := c.users.shared(); err != nil {
		return err
	}
	if c.password, err = c.files.readPassword(); err != nil {
		return err
	}
	if found, err := c.attach(ctx, alone); found || err != nil {
		return err
	}
	if err := c.launch(ctx); err != nil {
		return err
	}
	if err := c.prepare(ctx); err != nil {
		// Nobody else could join, so the server is ours to stop.
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return errors.Join(err, c.files.shutDown(stopCtx))
	}
	return nil
}

// attach uses the server that runs, if one does. A server without users is
// adopted.
func (c *Cluster) attach(ctx context.Context, alone bool) (found bool, err error) {
	for {
		running, err := c.files.awaitRunning(ctx)
		if running == nil || err != nil {
			return false, err
		}
		c.port = running.port
		err = c.prepare(ctx)
		if err == nil {
			break
		}
		if pause(ctx) != nil {
			return true, err
		}
		if still, _ := c.files.postmaster(); still != nil {
			return true, err
		}
		// It was about to die as we looked.
	}
	if c.adopted = alone; alone {
		c.say(fmt.Sprintf("Adopted the PostgreSQL of %s that an earlier process left running.", c.files.dir))
	}
	return true, nil
}

// Stop ends this process's use of the server and, if no other process uses
// it, shuts the server down: transactions in progress are rolled back. A Stop
// that fails can be called again; one after a success does nothing.
func (c *Cluster) Stop(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "stop the private PostgreSQL")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return nil
	}
	starting, err := c.files.openLock("postgres.lock")
	if err != nil {
		return err
	}
	defer starting.close()
	if err := starting.exclusive(ctx); err != nil {
		return err
	}
	last, err := c.users.tryExclusive()
	if err != nil {
		return err
	}
	if last {
		if err := c.files.shutDown(ctx); err != nil {
			return errors.Join(err, c.users.shared())
		}
	}
	c.stopped = true
	c.users.close()
	return nil
}

// URL is the address of the database macrodata with its password: never log
// it. The role macrodata owns the database and may create others; like the
// role of a hosted PostgreSQL it is no superuser.
func (c *Cluster) URL() string {
	return c.address(url.UserPassword("macrodata", c.password), "macrodata")
}

// URLRedacted is the address without the password, for people and logs.
func (c *Cluster) URLRedacted() string {
	return c.address(url.User("macrodata"), "macrodata")
}

func (c *Cluster) address(user *url.Userinfo, database string) string {
	u := url.URL{
		Scheme: "postgres", User: user, Path: "/" + database,
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)),
		RawQuery: "sslmode=disable", // it never leaves the loopback interface
	}
	return u.String()
}

// String returns [Cluster.URLRedacted].
func (c *Cluster) String() string { return c.URLRedacted() }

// Dir is the data directory in use, absolute: Config.Dir, or the one that
// replaced it.
func (c *Cluster) Dir() string { return c.files.dir }

// Adopted reports whether the server was found running without a user, as a
// killed process leaves it.
func (c *Cluster) Adopted() bool { return c.adopted }
