package shop

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"

	"github.com/macrodata-dev/macrodata/internal/errs"
)

// AmountScale is how many units of [Amount] make one unit of a currency.
const AmountScale = 10_000

// Amount is an exact quantity of money in ten-thousandths of the currency's
// main unit: 12.30 is 123000. It is what numeric(19,4) holds in PostgreSQL.
type Amount int64

// ParseAmount reads a decimal such as "12.3", "-0.0500" or "7". More than four
// decimals that are not zero, an exponent or a sign other than "-" is an error.
func ParseAmount[S string | []byte](s S) (Amount, error) {
	i, negative := 0, false
	if len(s) > 0 && s[0] == '-' {
		i, negative = 1, true
	}
	var units uint64
	digits, decimals, seenPoint := 0, 0, false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !seenPoint && digits > 0 {
			seenPoint = true
			continue
		}
		if c < '0' || c > '9' {
			return 0, amountError(s)
		}
		if decimals == 4 {
			if c != '0' {
				return 0, fmt.Errorf("amount %.40q has more than 4 decimals: %w", s, errs.Invalid)
			}
			continue
		}
		if units > (math.MaxInt64-uint64(c-'0'))/10 {
			return 0, amountError(s)
		}
		units = units*10 + uint64(c-'0')
		digits++
		if seenPoint {
			decimals++
		}
	}
	if digits == 0 || seenPoint && decimals == 0 {
		return 0, amountError(s)
	}
	for ; decimals < 4; decimals++ {
		if units > math.MaxInt64/10 {
			return 0, amountError(s)
		}
		units *= 10
	}
	if negative {
		return -Amount(units), nil
	}
	return Amount(units), nil
}

func amountError[S string | []byte](s S) error {
	return fmt.Errorf("amount %.40q is no decimal number below 922,337,203,685,477: %w", s, errs.Invalid)
}

// Times returns a × n and false where that overflows.
func (a Amount) Times(n int64) (Amount, bool) {
	hi, lo := bits.Mul64(abs(int64(a)), abs(n))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (n < 0) {
		return -Amount(lo), true
	}
	return Amount(lo), true
}

func abs(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// String writes at least two decimals and at most four: "12.30", "0.0625".
func (a Amount) String() string { return string(a.Append(nil)) }

// Append appends what [Amount.String] returns to b.
func (a Amount) Append(b []byte) []byte {
	if a < 0 {
		b = append(b, '-')
	}
	u := abs(int64(a))
	b = strconv.AppendUint(b, u/AmountScale, 10)
	frac := u % AmountScale
	b = append(b, '.', byte('0'+frac/1000), byte('0'+frac/100%10))
	if rest := frac % 100; rest != 0 {
		b = append(b, byte('0'+rest/10))
		if rest%10 != 0 {
			b = append(b, byte('0'+rest%10))
		}
	}
	return b
}

// MarshalJSON writes the amount as a decimal string.
func (a Amount) MarshalJSON() ([]byte, error) {
	return append(a.Append([]byte{'"'}), '"'), nil
}

// UnmarshalJSON reads a decimal string.
func (a *Amount) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("amount is no string: %w", errs.Invalid)
	}
	parsed, err := ParseAmount(s)
	*a = parsed
	return err
}

// Scan reads what the database driver delivers for a numeric, so that an
// amount never passes through a float.
func (a *Amount) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("amount comes from the database as %T: %w", src, errs.Corrupt)
	}
	parsed, err := ParseAmount(s)
	*a = parsed
	return err
}

// Value writes the amount as the decimal text that PostgreSQL reads.
func (a Amount) Value() (driver.Value, error) { return a.String(), nil }

// Money is an amount of one currency. Amounts of different currencies are
// never added.
type Money struct {
	Amount   Amount `json:"amount"`
	Currency string `json:"currency"` // ISO 4217, upper case
}
