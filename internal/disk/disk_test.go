package disk_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/disk"
	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestAFullDiskIsNamedWithItsSize(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	err := disk.Full(fmt.Errorf("put: %w", &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}))
	want := regexp.MustCompile(`^put: write ` + regexp.QuoteMeta(path) + `: no space left on device: [\d,]+ of [\d,]+ bytes are free: unavailable$`)
	if !want.MatchString(err.Error()) || errs.Kind(err) != "unavailable" || errs.Remedy(err) == "" {
		t.Errorf("%v (%s; %s)", err, errs.Kind(err), errs.Remedy(err))
	}
	if again := disk.Full(err); again.Error() != err.Error() {
		t.Errorf("told twice: %v", again)
	}
}

func TestAFullDiskWithoutAPathIsStillOne(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, &fs.PathError{Op: "write", Path: "/no/such/folder/file", Err: syscall.ENOSPC}} {
		if err := disk.Full(cause); !errors.Is(err, cause) || errs.Kind(err) != "unavailable" || errs.Remedy(err) == "" {
			t.Errorf("%v is told as %v", cause, err)
		}
	}
}

func TestOtherErrorsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	other := errors.New("other")
	if err := disk.Full(other); !errors.Is(err, other) || err.Error() != "other" {
		t.Error(err)
	}
	if err := disk.Full(nil); err != nil {
		t.Error(err)
	}
}
