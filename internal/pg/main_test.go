package pg_test

import (
	"testing"

	"github.com/macrodata-dev/macrodata/internal/pg/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
