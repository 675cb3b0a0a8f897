// Command macrodata is the operations platform of a Shopify brand.
package main

import (
	"os"
	"time"

	"github.com/macrodata-dev/macrodata/internal/cli"
)

func main() {
	// Days are the shop's; everything else is UTC, whatever the machine's zone.
	time.Local = time.UTC
	os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}
