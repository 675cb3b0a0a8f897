package errs_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

func TestAKindIsFoundThroughLayers(t *testing.T) {
	t.Parallel()
	read := func() (err error) {
		defer errs.Wrap(&err, "read(%d)", 7)
		return fmt.Errorf("the file ends: %w", errs.Corrupt)
	}
	err := fmt.Errorf("load: %w", read())
	if got := errs.Kind(err); got != "corrupt" {
		t.Errorf("kind %q", got)
	}
	if want := "load: read(7): the file ends: corrupt"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
	if got := errs.Kind(errors.New("boom")); got != "internal" {
		t.Errorf("an error without a kind is %q", got)
	}
}

func TestWrapLeavesNoErrorAlone(t *testing.T) {
	t.Parallel()
	fine := func() (err error) {
		defer errs.Wrap(&err, "fine")
		return nil
	}
	if err := fine(); err != nil {
		t.Error(err)
	}
}

func TestTheInnermostRemedyCounts(t *testing.T) {
	t.Parallel()
	inner := errs.WithRemedy(errs.Denied, "grant the scope read_orders")
	outer := errs.WithRemedy(fmt.Errorf("sync: %w", inner), "look at the log")
	if got := errs.Remedy(outer); got != "grant the scope read_orders" {
		t.Errorf("remedy %q", got)
	}
	if !errors.Is(outer, errs.Denied) || outer.Error() != "sync: denied" {
		t.Errorf("a remedy changes the error: %v", outer)
	}
	if errs.WithRemedy(nil, "nothing to do") != nil {
		t.Error("a remedy makes an error of none")
	}
	if errs.Remedy(errs.Denied) != "" {
		t.Error("a remedy from nowhere")
	}
}
