package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
	"github.com/macrodata-dev/macrodata/internal/pg"
)

func (e *env) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database schema up to date",
		Long:  "Applies the migrations that the database lacks. Any number of processes may do so at once.",
		RunE: func(c *cobra.Command, _ []string) error {
			return e.withPlatform(c.Context(), func(p *app.Platform) error {
				applied, err := p.Migrate(c.Context())
				if err != nil {
					return err
				}
				result := struct {
					Applied []pg.Migration `json:"applied"`
				}{append([]pg.Migration{}, applied...)}
				return e.print(result, func(w io.Writer) {
					for _, m := range applied {
						fmt.Fprintln(w, "applied", m.File)
					}
					if len(applied) == 0 {
						fmt.Fprintln(w, "The database is up to date.")
					}
				})
			})
		},
	}
}
