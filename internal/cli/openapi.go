package cli

import (
	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/app"
)

func (e *env) openapiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "openapi",
		Short: "Print the OpenAPI document of the API, as YAML or with --json as JSON",
		RunE: func(*cobra.Command, []string) error {
			yaml, json, err := app.OpenAPI()
			if err != nil {
				return err
			}
			text := yaml
			if e.json {
				text = json
			}
			_, err = e.stdout.Write(text)
			return err
		},
	}
}
