package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// scratch is a folder of one use by one process. A file beside it is locked for
// as long as it is used: the system lets go of the lock when the process ends,
// however it ends, and who finds it free removes both. There is never a folder
// without its file.
type scratch struct {
	path string // absolute
	lock *os.File
}

const lockSuffix = ".lock"

// newScratch makes a folder below parent, and removes those that killed
// processes left there.
func newScratch(parent string) (_ *scratch, err error) {
	defer func() {
		if err != nil {
			err = errs.WithRemedy(fmt.Errorf("make a folder for queries: %w: %w", err, errs.Denied),
				"let this user write to MACRODATA_DATA_DIR, or set it to a folder where it may")
		}
	}()
	if parent, err = filepath.Abs(parent); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	if err := sweepScratch(parent); err != nil {
		return nil, err
	}
	for {
		lock, err := os.CreateTemp(parent, "*"+lockSuffix)
		if err != nil {
			return nil, err
		}
		// It may have been taken for a left one before it was locked.
		s, err := takeScratch(lock)
		if err != nil {
			return nil, err
		}
		if s != nil {
			if err := os.Mkdir(s.path, 0o700); err != nil {
				return nil, errors.Join(err, s.remove())
			}
			return s, nil
		}
	}
}

func sweepScratch(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), lockSuffix) {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(parent, e.Name()), os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if s, err := takeScratch(lock); err != nil {
			return err
		} else if s != nil {
			if err := s.remove(); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeScratch locks a folder's file, and returns nil where somebody else has it
// or has removed it.
func takeScratch(lock *os.File) (*scratch, error) {
	err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		var named, opened fs.FileInfo
		if named, err = os.Stat(lock.Name()); err == nil {
			if opened, err = lock.Stat(); err == nil && os.SameFile(named, opened) {
				return &scratch{strings.TrimSuffix(lock.Name(), lockSuffix), lock}, nil
			}
		}
	}
	lock.Close() //nolint:errcheck // nothing was written
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, err
}

// remove removes the folder and lets go of it.
func (s *scratch) remove() error {
	return errors.Join(os.RemoveAll(s.path), os.Remove(s.lock.Name()), s.lock.Close())
}
