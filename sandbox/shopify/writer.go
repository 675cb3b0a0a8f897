package shopify

import (
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

// writer appends JSON as Shopify writes it. The small values at its end stand
// in for objects that a field makes up on the spot, such as the money bag of a
// price, so that writing a bulk file allocates nothing per field.
type writer struct {
	b       []byte
	slashes bool // "/" becomes "\/", as in bulk files
	objects int  // written so far: the actual cost of a query
	shop    Shop
	now     time.Time
	order   *Order // the one being written: money and refunded lines need it

	bag     moneyBag
	money   moneyV2
	count   count
	ref     ref
	product Product
	line    Line
	address mailingAddress
	track   tracking
	media   mediaImage
}

type (
	moneyBag struct {
		amount      shop.Amount
		presentment shop.Amount
	}
	moneyV2 struct {
		amount   shop.Amount
		currency string
	}
	count struct {
		n     int
		exact bool
	}
	ref            struct{ id shop.ID } // an object of which only the id is known
	mailingAddress struct{ country string }
	tracking       struct{ company, number string }
	mediaImage     struct{ url string }
)

const hexDigits = "0123456789abcdef"

func (w *writer) raw(s string) { w.b = append(w.b, s...) }

func (w *writer) integer(n int64) { w.b = strconv.AppendInt(w.b, n, 10) }

func (w *writer) boolean(v bool) { w.b = strconv.AppendBool(w.b, v) }

// text writes a JSON string.
func (w *writer) text(s string) {
	b := append(w.b, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && (c != '/' || !w.slashes) && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
			b = append(append(b, s[start:i]...), `\ufffd`...)
			start = i + 1
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\', '/':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	w.b = append(append(b, s[start:]...), '"')
}

// gid writes "gid://shopify/Type/123".
func (w *writer) gid(objectType string, id shop.ID) {
	if w.slashes {
		w.b = append(append(w.b, `"gid:\/\/shopify\/`...), objectType...)
		w.b = append(w.b, '\\', '/')
	} else {
		w.b = append(append(w.b, `"gid://shopify/`...), objectType...)
		w.b = append(w.b, '/')
	}
	w.b = append(strconv.AppendInt(w.b, int64(id), 10), '"')
}

// instant writes a time in whole seconds, and null for the zero time.
func (w *writer) instant(t time.Time) {
	if t.IsZero() {
		w.raw("null")
		return
	}
	w.b = append(t.UTC().Truncate(time.Second).AppendFormat(append(w.b, '"'), time.RFC3339), '"')
}

// decimal writes an amount as Shopify does: without trailing zeros, but with
// one decimal at least ("12.0", "0.5", "1.125").
func (w *writer) decimal(a shop.Amount) {
	b := a.Append(append(w.b, '"'))
	if b[len(b)-1] == '0' && b[len(b)-2] != '.' {
		b = b[:len(b)-1]
	}
	w.b = append(b, '"')
}

// bagOf makes the money bag of an amount of the current order.
func (w *writer) bagOf(a shop.Amount) *moneyBag {
	w.bag = moneyBag{a, w.order.Presentment(a)}
	return &w.bag
}

// Presentment converts an amount of the shop's currency to the one that the
// customer saw, rounded to the decimals of that currency.
func (o *Order) Presentment(a shop.Amount) shop.Amount {
	if o.PresentmentRate == 0 {
		return a
	}
	negative := a < 0
	if negative {
		a = -a
	}
	unit := uint64(shop.AmountScale)
	for range Decimals(o.PresentmentCurrency) {
		unit /= 10
	}
	hi, lo := bits.Mul64(uint64(a), uint64(o.PresentmentRate))
	lo, carry := bits.Add64(lo, unit*1_000_000/2, 0)
	quotient, _ := bits.Div64(hi+carry, lo, unit*1_000_000)
	converted := shop.Amount(quotient * unit)
	if negative {
		return -converted
	}
	return converted
}

// Decimals is how many decimals prices of a currency have.
func Decimals(currency string) int {
	switch currency {
	case "JPY", "KRW":
		return 0
	case "KWD", "BHD":
		return 3
	}
	return 2
}
