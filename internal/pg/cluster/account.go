package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// account is the user that PostgreSQL's programs run as and whose files the
// cluster's are.
type account struct {
	uid, gid uint32
	// switched says that the program runs as root and has to change users.
	switched bool
}

// accountFor chooses the account for the cluster below dir: the user of this
// process or, for root, the owner of the cluster or else the user postgres.
func accountFor(dir string) (account, error) {
	info, err := os.Stat(filepath.Join(dir, "postgres"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return account{}, denied(err)
	}
	var owner *syscall.Stat_t
	if err == nil {
		owner, _ = info.Sys().(*syscall.Stat_t)
	}
	self := account{uid: uint32(os.Geteuid()), gid: uint32(os.Getegid())}
	switch {
	case owner != nil && self.uid == 0 && owner.Uid != 0:
		return account{owner.Uid, owner.Gid, true}, nil
	case owner != nil && self.uid != owner.Uid:
		return account{}, errs.WithRemedy(
			fmt.Errorf("%s belongs to %s: %w", filepath.Join(dir, "postgres"), userName(owner.Uid), errs.Denied),
			"run macrodata as that user or as root, or set MACRODATA_DATA_DIR to another folder")
	case self.uid == 0:
		return lookUpAccount("postgres")
	}
	return self, nil
}

func lookUpAccount(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return account{}, errs.WithRemedy(
			fmt.Errorf("PostgreSQL can't run as root and there is no user %s: %w: %w", name, errs.NotFound, err),
			"run macrodata as an ordinary user, or add the user: useradd --system postgres")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("user %s: %w", name, err)
	}
	return account{uint32(uid), uint32(gid), true}, nil
}

// command prepares a program to run as the account: in a session of its own,
// so that a Ctrl-C in the terminal passes it by, and without the environment
// of this process, which holds secrets and settings for other servers.
func (a account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = "/" // the account may have no right to ours
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// reach tells whether the account can enter dir. The error names the folder
// in the way.
func (a account) reach(dir string) error {
	if !a.switched {
		return nil // an operation on the folder will tell
	}
	enter := a.command(context.Background(), "/bin/sh", "-c", `cd -- "$1"`, "sh", dir)
	if err := enter.Run(); err == nil {
		return nil
	}
	at := dir
	for p := dir; ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && !a.enters(info) {
			at = p
		}
		if p == filepath.Dir(p) {
			break
		}
	}
	return errs.WithRemedy(
		fmt.Errorf("user %s, who runs PostgreSQL for root, can't enter %s: %w", userName(a.uid), at, errs.Denied),
		fmt.Sprintf("set MACRODATA_DATA_DIR to a folder that this user can reach, such as %s, or allow it: chmod o+x %s",
			fallbackDir, quote(at)))
}

// enters decides by mode bits alone; it serves to name a folder, not to decide.
func (a account) enters(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	bit := fs.FileMode(0o001)
	if owner.Uid == a.uid {
		bit = 0o100
	} else if owner.Gid == a.gid {
		bit = 0o010
	}
	return info.Mode()&bit != 0
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}
