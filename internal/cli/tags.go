package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/api"
	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/scenario/tagclass"
	"github.com/macrodata-dev/macrodata/internal/scenario/taggroups"
)

// maxListed is what lists of the command line show at most; the API has them all.
const maxListed = 500

func (e *env) tagsCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "tags",
		Short: "List the tags without a category, most important first; classify tags; list tag groups",
		RunE:  func(c *cobra.Command, _ []string) error { return e.listTags(c.Context(), limit) },
	}
	c.Flags().IntVar(&limit, "limit", 50, "how many tags to list, at most 500")
	var dryRun bool
	classify := &cobra.Command{
		Use: "classify FILE", Short: "Classify the tags of a CSV file, all of them or none",
		Long: `Reads lines of TAG,CATEGORY, with or without a header. An empty category takes
the tag's category off. One undo of the change brings all of it back.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return e.classifyTags(c.Context(), args[0], dryRun) },
	}
	classify.Flags().BoolVar(&dryRun, "dry-run", false, "tell what would change, and change nothing")
	c.AddCommand(classify, &cobra.Command{
		Use: "groups", Short: "List the tag groups with their tags", Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return e.listGroups(c.Context()) },
	})
	return c
}

func (e *env) listTags(ctx context.Context, limit int) error {
	if limit < 1 || limit > maxListed {
		return errs.WithRemedy(fmt.Errorf("--limit is not between 1 and %d: %w", maxListed, errs.Invalid), "leave it out for the first 50")
	}
	list := []tagclass.Unclassified{}
	err := e.withPlatform(ctx, func(p *app.Platform) error {
		found, err := tagclass.New(p.DB).Unclassified(ctx, limit)
		list = append(list, found...)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		rows := [][]string{{"TAG", "PRODUCTS", "UNITS", "NET SALES", "SUGGESTED"}}
		for _, t := range list {
			suggested := "–"
			if s := t.Suggestion; s != nil {
				suggested = s.Category + ": it " + s.Reason
			}
			rows = append(rows, []string{t.Tag, thousands(t.Products), thousands(t.Units), t.NetSales.Amount.String() + " " + t.NetSales.Currency, suggested})
		}
		table(w, rows)
	})
}

func (e *env) classifyTags(ctx context.Context, path string, dryRun bool) error {
	mappings, lines, err := readMappings(path)
	if err != nil {
		return err
	}
	ctx = api.WithPrincipal(ctx, api.Principal{Kind: "user", Name: requester()})
	var done tagclass.Classified
	err = e.withPlatform(ctx, func(p *app.Platform) error {
		answer, err := tagclass.New(p.DB).Classify(ctx, mappings, dryRun)
		if err == nil {
			done = answer.Data
		}
		return byLine(err, lines)
	})
	if err != nil {
		return err
	}
	return e.print(done, func(w io.Writer) {
		fmt.Fprintf(w, "%d tags: %d classified, %d reclassified, %d cleared, %d unchanged\n",
			done.Mappings, done.Classified, done.Reclassified, done.Cleared, done.Unchanged)
		switch {
		case dryRun:
			fmt.Fprintln(w, "Nothing was changed: this was a dry run.")
		case done.ChangeID != nil:
			fmt.Fprintf(w, "Change %s: POST /api/changes/%s/undo brings all of it back.\n", done.ChangeID, done.ChangeID)
		}
	})
}

// readMappings reads a CSV file, and says on which line each mapping stands.
func readMappings(path string) (mappings []tagclass.Mapping, lines []int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	const remedy = "write a tag and a category on each line, in UTF-8, with a comma between them"
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return nil, nil, errs.WithRemedy(fmt.Errorf("%s is no text in UTF-8: %w", path, errs.Invalid), remedy)
	}
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.FieldsPerRecord = 2
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, errs.WithRemedy(fmt.Errorf("%s: %w: %w", path, err, errs.Invalid), remedy)
		}
		line, _ := r.FieldPos(0)
		if len(mappings) == 0 && strings.EqualFold(record[0], "tag") && strings.EqualFold(record[1], "category") {
			continue
		}
		m := tagclass.Mapping{Tag: api.Unguard(record[0])}
		if category := strings.TrimSpace(api.Unguard(record[1])); category != "" {
			m.Category = &category
		}
		mappings, lines = append(mappings, m), append(lines, line)
	}
	if n := len(mappings); n == 0 || n > tagclass.MaxMappings {
		return nil, nil, errs.WithRemedy(fmt.Errorf("%s has %d tags, and not 1 to %d: %w", path, n, tagclass.MaxMappings, errs.Invalid), "split it")
	}
	return mappings, lines, nil
}

// byLine tells faults of mappings by the lines that these stand on.
func byLine(err error, lines []int) error {
	var faults api.Faults
	if !errors.As(err, &faults) {
		return err
	}
	told := make([]string, len(faults))
	for i, f := range faults {
		var n int
		told[i] = f.Message
		if _, err := fmt.Sscanf(f.Location, "body.mappings[%d]", &n); err == nil && n < len(lines) {
			_, field, _ := strings.Cut(f.Location, "].")
			told[i] = fmt.Sprintf("line %d, %s: %s", lines[n], field, f.Message)
		}
	}
	return errs.WithRemedy(fmt.Errorf("nothing was classified:\n  %s: %w", strings.Join(told, "\n  "), errs.Invalid), "correct these lines and run it again")
}

func (e *env) listGroups(ctx context.Context) error {
	list := []taggroups.Group{}
	err := e.withPlatform(ctx, func(p *app.Platform) error {
		found, err := taggroups.New(p.DB).List(ctx, maxListed)
		list = append(list, found...)
		return err
	})
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) {
		rows := [][]string{{"GROUP", "CATEGORY", "PRODUCTS", "TAGS"}}
		for _, g := range list {
			category := "any"
			if g.Category != nil {
				category = *g.Category
			}
			rows = append(rows, []string{g.Name, category, thousands(g.Products), strings.Join(g.Tags, ", ")})
		}
		table(w, rows)
	})
}
