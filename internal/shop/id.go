// Package shop holds the nouns that everything else speaks in: identities,
// money, days, orders, products. It does no I/O.
package shop

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// ID is a Shopify identifier: a positive 64-bit integer, 0 where there is
// none. In JSON it is a decimal string, because JavaScript's numbers are too
// small for it.
type ID int64

// ParseID reads an identifier as Shopify writes it, either "123" or
// "gid://shopify/Order/123".
func ParseID(s string) (ID, error) {
	digits := s
	if rest, ok := strings.CutPrefix(s, "gid://shopify/"); ok {
		kind, tail, found := strings.Cut(rest, "/")
		if !found || kind == "" {
			return 0, fmt.Errorf("id is not gid://shopify/Type/number: %w", errs.Invalid)
		}
		digits, _, _ = strings.Cut(tail, "?")
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n == 0 || digits[0] == '+' {
		return 0, fmt.Errorf("id is neither a positive number nor a gid://shopify/…: %w", errs.Invalid)
	}
	return ID(n), nil
}

// String returns the decimal digits.
func (id ID) String() string { return strconv.FormatInt(int64(id), 10) }

// GID returns the global form for an object type, such as
// "gid://shopify/Order/123".
func (id ID) GID(objectType string) string {
	return "gid://shopify/" + objectType + "/" + id.String()
}

// MarshalJSON writes the id as a decimal string, and null for 0.
func (id ID) MarshalJSON() ([]byte, error) {
	if id == 0 {
		return []byte("null"), nil
	}
	return []byte(`"` + id.String() + `"`), nil
}

// UnmarshalJSON accepts a decimal string, a gid or null.
func (id *ID) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("id is no string: %w", errs.Invalid)
	}
	if s == nil {
		*id = 0
		return nil
	}
	parsed, err := ParseID(*s)
	*id = parsed
	return err
}
