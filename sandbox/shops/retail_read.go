package shops

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// retailColumns are the columns of the CSV, in any order.
func retailColumns() []string {
	return []string{"InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"}
}

// retailRow is one row of the CSV.
type retailRow struct {
	number                      int // 1 is the first after the header
	invoice, code, title        string
	quantity                    int
	at                          time.Time
	price                       shop.Amount
	customer, country, problems string
}

// FromOnlineRetail reads transactions with the columns of the UCI data set
// "Online Retail", as CSV or gzipped CSV, and holds them in memory. A row that
// can't be read is unmapped in the ledger; a missing column or a broken file is
// [errs.Invalid].
func FromOnlineRetail(in io.Reader, options RetailOptions) (*Retail, error) {
	shopZone := cmp.Or(options.TimeZone, "Europe/London")
	zone, err := time.LoadLocation(shopZone)
	if err != nil {
		return nil, fmt.Errorf("shops: TimeZone: %w: %w", err, errs.Invalid)
	}
	r := &Retail{info: shop.Info{
		ID: 60_987_654_321, Domain: cmp.Or(options.Domain, "online-retail.myshopify.com"), Name: "Online Retail",
		Currency: cmp.Or(options.Currency, "GBP"), TimeZone: shopZone,
	}}
	b := retailBuilder{shop: r, zone: zone, invoices: map[string]int{}, codes: map[string]int{}, words: map[string]string{}}
	if err := b.read(in); err != nil {
		return nil, fmt.Errorf("shops: online retail: %w: %w", err, errs.Invalid)
	}
	b.refund()
	b.finishProducts()
	return r, nil
}

// retailBuilder holds what is needed only while reading.
type retailBuilder struct {
	shop     *Retail
	zone     *time.Location
	invoices map[string]int    // order by invoice
	codes    map[string]int    // product by stock code
	words    map[string]string // one copy of each text
	returns  []retailRow
}

func (b *retailBuilder) read(in io.Reader) error {
	buffered := bufio.NewReaderSize(in, 1<<16)
	in = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		zipped, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		in = zipped
	}
	rows := csv.NewReader(in)
	rows.ReuseRecord, rows.FieldsPerRecord, rows.LazyQuotes = true, -1, true
	header, err := rows.Read()
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	var at [8]int
	for i, name := range retailColumns() {
		if at[i] = slices.Index(header, name); at[i] < 0 {
			return fmt.Errorf("column %s is missing", name)
		}
	}
	for number := 1; ; number++ {
		record, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b.add(b.parse(number, record, at))
	}
}

// parse reads a record; what is wrong with it is in problems.
func (b *retailBuilder) parse(number int, record []string, at [8]int) retailRow {
	get := func(i int) string {
		if at[i] >= len(record) {
			return ""
		}
		return b.intern(strings.TrimSpace(record[at[i]]))
	}
	r := retailRow{number: number, invoice: get(0), code: get(1), title: get(2), customer: strings.TrimSuffix(get(6), ".0"), country: get(7)}
	var err error
	if r.quantity, err = strconv.Atoi(get(3)); err != nil {
		r.problems = "quantity is no integer"
	}
	if r.at, err = time.ParseInLocation(time.DateTime, get(4), b.zone); err != nil {
		r.problems = "date can't be read"
	}
	r.at = r.at.UTC()
	if r.price, err = shop.ParseAmount(get(5)); err != nil {
		r.problems = "price can't be read"
	}
	if r.invoice == "" || r.code == "" {
		r.problems = "invoice or stock code is missing"
	}
	return r
}

func (b *retailBuilder) intern(s string) string {
	if known, ok := b.words[s]; ok {
		return known
	}
	s = strings.Clone(s)
	b.words[s] = s
	return s
}

// add decides what a row is. Returns wait until all sales are known.
func (b *retailBuilder) add(r retailRow) {
	l := &b.shop.ledger
	l.Read.add(r)
	if r.problems != "" {
		l.unmap(r, r.problems)
		return
	}
	p := b.product(r)
	cancelled := strings.HasPrefix(r.invoice, "C")
	switch {
	case r.price < 0:
		l.unmap(r, "negative price")
	case cancelled && r.quantity < 0:
		b.returns = append(b.returns, r)
	case cancelled:
		l.unmap(r, "cancellation of no quantity")
	case r.quantity <= 0:
		l.unmap(r, "quantity is not positive, and no cancellation")
	default:
		l.Lines.add(r)
		b.sale(r, p)
	}
}

func (b *retailBuilder) sale(r retailRow, p int) {
	i, ok := b.invoices[r.invoice]
	if !ok {
		i = len(b.shop.orders)
		b.invoices[r.invoice] = i
		b.shop.orders = append(b.shop.orders, retailOrder{
			invoice: r.invoice, at: r.at, customer: customerID(r.customer), country: countryCode(r.country),
		})
	}
	o := &b.shop.orders[i]
	if r.at.Before(o.at) {
		o.at = r.at
	}
	title := r.title
	if title == "" {
		title = r.code
	}
	o.lines = append(o.lines, retailLine{product: p, title: title, quantity: r.quantity, price: r.price, left: r.quantity})
	b.name(p, r)
}

// product finds or makes the product of a row.
func (b *retailBuilder) product(r retailRow) int {
	p, ok := b.codes[r.code]
	if !ok {
		p = len(b.shop.products)
		b.codes[r.code] = p
		b.shop.products = append(b.shop.products, retailProduct{code: r.code, title: r.code, first: r.at})
	}
	if first := &b.shop.products[p].first; r.at.Before(*first) {
		*first = r.at
	}
	return p
}

// name keeps the newest description. One of a row without a price counts less:
// it is often a note ("found", "damaged?").
func (b *retailBuilder) name(p int, r retailRow) {
	product, rank := &b.shop.products[p], 1
	if r.price > 0 {
		rank = 2
	}
	if r.title == "" || rank < product.titleRank || rank == product.titleRank && r.at.Before(product.titleAt) {
		return
	}
	product.title, product.titleAt, product.titleRank = r.title, r.at, rank
}

func (b *retailBuilder) finishProducts() {
	for i := range b.shop.products {
		p := &b.shop.products[i]
		p.tags = tagsOf(p.title)
	}
}

// tagsOf takes the words of a title with three letters or more, without the
// punctuation around them.
func tagsOf(title string) []string {
	stop := []string{"AND", "FOR", "FROM", "THE", "WITH"}
	var tags []string
	for _, word := range strings.Fields(strings.ToUpper(title)) {
		word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		letters := 0
		for _, r := range word {
			if unicode.IsLetter(r) {
				letters++
			}
		}
		if letters >= 3 && !slices.Contains(stop, word) && !slices.Contains(tags, word) {
			tags = append(tags, word)
		}
	}
	return tags
}

// customerID is 0 where the CSV has none.
func customerID(s string) shop.ID {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return shop.ID(firstCustomer + n)
}

// countryCode is "" where the name is of no one country.
func countryCode(name string) string {
	return map[string]string{
		"Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR", "Canada": "CA", "Channel Islands": "GG",
		"Cyprus": "CY", "Czech Republic": "CZ", "Denmark": "DK", "EIRE": "IE", "Finland": "FI", "France": "FR", "Germany": "DE",
		"Greece": "GR", "Hong Kong": "HK", "Iceland": "IS", "Israel": "IL", "Italy": "IT", "Japan": "JP", "Lebanon": "LB",
		"Lithuania": "LT", "Malta": "MT", "Netherlands": "NL", "Norway": "NO", "Poland": "PL", "Portugal": "PT", "RSA": "ZA",
		"Saudi Arabia": "SA", "Singapore": "SG", "Spain": "ES", "Sweden": "SE", "Switzerland": "CH", "USA": "US",
		"United Arab Emirates": "AE", "United Kingdom": "GB",
	}[name]
}
