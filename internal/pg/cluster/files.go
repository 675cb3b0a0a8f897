package cluster

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// files is the data directory with the account that the cluster's files in it
// belong to.
type files struct {
	dir string // absolute
	account
}

// data is PostgreSQL's own data directory.
func (f files) data() string { return filepath.Join(f.dir, "postgres") }

func (f files) path(name string) string { return filepath.Join(f.dir, name) }

// locate makes the data directory, chooses the account, and moves a default
// directory that the account can't reach.
func locate(cfg Config, fallback string, say func(string)) (files, error) {
	if cfg.Dir == "" {
		return files{}, errs.WithRemedy(fmt.Errorf("the data directory is empty: %w", errs.Invalid),
			"set MACRODATA_DATA_DIR to a folder, or leave it out for .macrodata")
	}
	f, made, err := settle(cfg.Dir)
	if err != nil {
		return files{}, err
	}
	unreachable := f.reach(f.dir)
	if unreachable == nil {
		return f, nil
	}
	if made {
		os.Remove(f.dir) // made in vain; empty, or it stays
	}
	if _, err := os.Stat(f.data()); err == nil || !cfg.DirIsDefault {
		return files{}, unreachable // somewhere else, data that is here would be missed
	}
	moved, _, err := settle(fallback)
	if err != nil {
		return files{}, err
	}
	if err := moved.reach(moved.dir); err != nil {
		return files{}, err
	}
	say(fmt.Sprintf("The data directory is %s: user %s, who runs PostgreSQL for root, can't reach %s.",
		moved.dir, userName(f.uid), f.dir))
	return moved, nil
}

// settle makes dir if it is missing, and chooses its account.
func settle(dir string) (f files, made bool, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return files{}, false, err
	}
	owner, err := accountFor(dir)
	if err != nil {
		return files{}, false, err
	}
	f = files{dir, owner}
	mode := fs.FileMode(0o700)
	if f.switched {
		mode = 0o755 // PostgreSQL's user passes through root's folder to its own
	}
	if _, err := os.Stat(dir); err == nil {
		return f, false, nil
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return files{}, false, denied(err)
	}
	if err := os.Chmod(dir, mode); err != nil { // whatever the umask
		return files{}, false, denied(err)
	}
	return f, true, nil
}

// open opens one of the cluster's files, which belong to the account and
// nobody else may read.
func (f files) open(name string, flag int) (*os.File, error) {
	file, err := os.OpenFile(f.path(name), flag, 0o600)
	if err != nil {
		return nil, denied(err)
	}
	if f.switched {
		if err := file.Chown(int(f.uid), int(f.gid)); err != nil {
			file.Close()
			return nil, denied(err)
		}
	}
	return file, nil
}

// write replaces one of the cluster's files at once.
func (f files) write(name, content string) error {
	file, err := f.open(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.path(name), err)
	}
	return os.Rename(f.path(name+".new"), f.path(name))
}

// readPassword returns the password of the cluster's roles. It makes one
// where there is no cluster yet.
func (f files) readPassword() (string, error) {
	const name = "postgres.password"
	text, err := os.ReadFile(f.path(name))
	if err == nil && strings.TrimSpace(string(text)) != "" {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", denied(err)
	}
	if _, err := os.Stat(f.data()); err == nil {
		return "", errs.WithRemedy(
			fmt.Errorf("%s, the password of the cluster in %s, is missing: %w", f.path(name), f.data(), errs.Conflict),
			"put the file back, or move the folder "+f.data()+" away to begin with an empty database")
	}
	secret := make([]byte, 24)
	rand.Read(secret) // never fails
	password := hex.EncodeToString(secret)
	return password, f.write(name, password+"\n")
}

// denied gives an error of the file system its kind and its way out.
func denied(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return errs.WithRemedy(fmt.Errorf("%w: %w", errs.Denied, err),
			"give your user the right to this path, or set MACRODATA_DATA_DIR to another folder")
	}
	return errs.WithRemedy(fmt.Errorf("%w: %w", errs.Unavailable, err),
		"make the path usable, or set MACRODATA_DATA_DIR to another folder")
}

// quote makes s one word of a shell command.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
