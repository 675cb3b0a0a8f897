package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/macrodata-dev/macrodata/internal/shopify"
)

func (e *env) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the program and of the Shopify API that it speaks",
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version    string `json:"version"`
				Revision   string `json:"revision,omitempty"`
				Go         string `json:"go"`
				ShopifyAPI string `json:"shopifyApi"`
			}{Version: "devel", Go: runtime.Version(), ShopifyAPI: shopify.Version}
			if info, ok := debug.ReadBuildInfo(); ok {
				if info.Main.Version != "" {
					v.Version = info.Main.Version
				}
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			return e.print(v, func(w io.Writer) {
				fmt.Fprintf(w, "macrodata %s (%s, Shopify Admin API %s)\n", v.Version, v.Go, v.ShopifyAPI)
			})
		},
	}
}
