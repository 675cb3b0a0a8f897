package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/designer"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/designers"
)

func (e *env) designersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "designers",
		Short: "List designers with their tags; assign tags and take them off",
		Long: `Lists designers with the tags that are with them. What these sold,
GET /api/designers tells.`,
		RunE: func(c *cobra.Command, _ []string) error { return e.listDesigners(c.Context()) },
	}
	c.AddCommand(&cobra.Command{
		Use: "assign DESIGNER TAG...", Short: "Give tags to a designer, who begins with the first one",
		Args: usage(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error { return e.assignTags(c.Context(), args[0], args[1:]) },
	}, &cobra.Command{
		Use: "unassign DESIGNER TAG...", Short: "Take tags off a designer, who stays",
		Args: usage(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error { return e.unassignTags(c.Context(), args[0], args[1:]) },
	})
	return c
}

// assigned is a designer as the command prints one as JSON.
type assigned struct {
	designer.Assignment
	Version int64 `json:"version"`
}

func (e *env) listDesigners(ctx context.Context) error {
	list := []assigned{}
	err := e.withPlatform(ctx, func(p *app.Platform) error {
		found, err := designer.All(ctx, p.DB)
		for _, d := range found {
			list = append(list, assigned{d.Payload, d.Version})
		}
		return err
	})
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		rows := [][]string{{"DESIGNER", "TAGS"}}
		for _, d := range list {
			rows = append(rows, []string{d.DesignerName, strings.Join(d.Tags, ", ")})
		}
		table(w, rows)
	})
}

func (e *env) assignTags(ctx context.Context, name string, tags []string) error {
	ctx = api.WithPrincipal(ctx, api.Principal{Kind: "user", Name: requester()})
	var done designers.Assigned
	err := e.withPlatform(ctx, func(p *app.Platform) error {
		answer, err := designers.New(p.DB, nil).Assign(ctx, api.IfMatch{}, name, tags)
		if err == nil {
			done = answer.Data
		}
		return byArgument(err, tags)
	})
	if err != nil {
		return err
	}
	return e.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "%s has %d tags: %d new, %d unchanged\n", done.DesignerName, len(done.Tags), len(done.Assigned), len(done.Unchanged))
	})
}

func (e *env) unassignTags(ctx context.Context, name string, tags []string) error {
	ctx = api.WithPrincipal(ctx, api.Principal{Kind: "user", Name: requester()})
	var left designer.Designer
	err := e.withPlatform(ctx, func(p *app.Platform) error {
		if err := designers.New(p.DB, nil).Unassign(ctx, api.IfMatch{}, name, tags); err != nil {
			return byArgument(err, tags)
		}
		var err error
		left, err = designer.Find(ctx, p.DB, name)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(assigned{left.Payload, left.Version}, func(w io.Writer) {
		fmt.Fprintf(w, "%s has %d tags left\n", left.Payload.DesignerName, len(left.Payload.Tags))
	})
}

// byArgument tells faults of names by what was typed.
func byArgument(err error, tags []string) error {
	var faults api.Faults
	if !errors.As(err, &faults) {
		return err
	}
	told := make([]string, len(faults))
	for i, f := range faults {
		var n int
		if _, err := fmt.Sscanf(f.Location, "body.tags[%d]", &n); err == nil && n < len(tags) {
			told[i] = fmt.Sprintf("%q: %s", tags[n], f.Message)
		} else {
			told[i] = strings.TrimPrefix(f.Location, "body.") + ": " + f.Message
		}
	}
	return errs.WithRemedy(fmt.Errorf("nothing was changed:\n  %s: %w", strings.Join(told, "\n  "), errs.Invalid), "correct these and run it again")
}
