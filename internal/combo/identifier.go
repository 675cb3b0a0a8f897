package combo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/pg"
	"github.com/macrodata-dev/macrodata/internal/pg/pgdb"
)

// prefix is all of an identifier but its sequence, such as "CT-IPH+SAM-3-MEN-".
// lines are those of the products, in any order and however often.
func prefix(kind string, lines []string, products int, audience string) string {
	codes := slices.Compact(slices.Sorted(slices.Values(lines)))
	return fmt.Sprintf("%s-%s-%d-%s-", kind, strings.Join(codes, "+"), products, audience)
}

// sequences are the highest that were given, by prefix, of those that a transaction
// asked for. It holds the settings, so nobody else takes the next ones.
type sequences map[string]int64

// next returns the identifier after all that were ever given under a prefix.
func (s sequences) next(ctx context.Context, tx pg.Tx, prefix string) (string, error) {
	if _, asked := s[prefix]; !asked {
		given, err := pgdb.New(tx).ComboSequences(ctx, prefix)
		if err != nil {
			return "", err
		}
		s[prefix] = highest(given)
	}
	s[prefix]++
	return fmt.Sprintf("%s%03d", prefix, s[prefix]), nil
}

// highest is the highest of some sequences, as numbers; 0 where there is none.
func highest(given []string) (top int64) {
	for _, s := range given {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			top = max(top, n)
		}
	}
	return top
}
