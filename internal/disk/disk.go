// Package disk says where and how large the disk is that has no room left, for
// all who write files.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// Full gives an error that says that there is no room its kind, errs.Unavailable,
// the size of the disk in bytes, and what to do. The error names the path by
// itself. Other errors, also nil, are returned as they are.
func Full(err error) error {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) || errors.Is(err, errs.Unavailable) {
		return err
	}
	remedy := "make room on that disk; what was under way goes on by itself, or is resumed"
	var p *fs.PathError
	var s syscall.Statfs_t
	if !errors.As(err, &p) || syscall.Statfs(filepath.Dir(p.Path), &s) != nil {
		return errs.WithRemedy(fmt.Errorf("%w: %w", err, errs.Unavailable), remedy)
	}
	size := uint64(s.Bsize) //nolint:gosec,unconvert // of another type on each system, never negative
	return errs.WithRemedy(fmt.Errorf("%w: %s of %s bytes are free: %w", err, number(s.Bavail*size), number(s.Blocks*size), errs.Unavailable), remedy)
}

// number writes a whole number with commas between thousands.
func number(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
