// Package outage takes from a sync what it stands on: the server of its database,
// the answers to its commits, the room on its disk. Each time it must say what is
// missing, ask nobody to believe what it doesn't know, and end with all there once
// it is given back.
package outage

import (
	"testing"

	_ "github.com/macrodata-dev/macrodata/internal/cli" // what is built belongs to what is tested
	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
