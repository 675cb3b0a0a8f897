package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (e *env) configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print all settings with their values, secrets redacted",
		Long:  "Settings come from the environment. A secret NAME can also be given as NAME_FILE, the path of a file that holds it.",
		RunE: func(*cobra.Command, []string) error {
			c, _, err := e.config()
			if err != nil {
				return err
			}
			list := c.Settings()
			return e.print(list, func(w io.Writer) {
				for _, s := range list {
					fmt.Fprintf(w, "# %s\n%s=%s\n", s.Help, s.Name, s.Value)
				}
			})
		},
	}
}
