package pg

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/shop"
)

// Copy collects rows in PostgreSQL's binary COPY format. The values of a row
// are appended in the order of its columns, each by the method of its type;
// a buffer is used again after Reset. It takes no reflection and no per-row
// allocation, which is why loading doesn't go through pgx's CopyFrom.
//
// Format: https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS
type Copy struct {
	columns []string
	buf     []byte
	rows    int
}

var copyHeader = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// NewCopy returns an empty buffer for rows of these columns.
func NewCopy(columns ...string) *Copy {
	return &Copy{columns: columns, buf: append([]byte(nil), copyHeader...)}
}

// Reset empties the buffer and keeps its memory.
func (c *Copy) Reset() { c.buf, c.rows = c.buf[:len(copyHeader)], 0 }

// Rows returns how many rows it holds.
func (c *Copy) Rows() int { return c.rows }

// Row begins a row.
func (c *Copy) Row() {
	c.rows++
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(c.columns)))
}

// Null appends NULL.
func (c *Copy) Null() { c.buf = append(c.buf, 0xff, 0xff, 0xff, 0xff) }

// Int8 appends a bigint.
func (c *Copy) Int8(v int64) {
	c.buf = binary.BigEndian.AppendUint32(c.buf, 8)
	c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(v))
}

// ID appends a bigint, NULL for 0.
func (c *Copy) ID(id shop.ID) {
	if id == 0 {
		c.Null()
		return
	}
	c.Int8(int64(id))
}

// Int4 appends an integer.
func (c *Copy) Int4(v int) {
	c.buf = binary.BigEndian.AppendUint32(c.buf, 4)
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(int32(v)))
}

// Bool appends a boolean.
func (c *Copy) Bool(v bool) {
	b := byte(0)
	if v {
		b = 1
	}
	c.buf = append(c.buf, 0, 0, 0, 1, b)
}

// Text appends a text.
func (c *Copy) Text(s string) {
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(s)))
	c.buf = append(c.buf, s...)
}

// TextOrNull appends a text, NULL for "".
func (c *Copy) TextOrNull(s string) {
	if s == "" {
		c.Null()
		return
	}
	c.Text(s)
}

// Texts appends a text[].
func (c *Copy) Texts(list []string) {
	at := len(c.buf)
	c.buf = append(c.buf, 0, 0, 0, 0)
	if len(list) == 0 {
		c.buf = appendInt32s(c.buf, 0, 0, textOID)
	} else {
		c.buf = appendInt32s(c.buf, 1, 0, textOID, len(list), 1)
	}
	for _, s := range list {
		c.Text(s)
	}
	binary.BigEndian.PutUint32(c.buf[at:], uint32(len(c.buf)-at-4))
}

const textOID = 25

func appendInt32s(b []byte, values ...int) []byte {
	for _, v := range values {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	return b
}

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Time appends a timestamptz, NULL for the zero time.
func (c *Copy) Time(t time.Time) {
	if t.IsZero() {
		c.Null()
		return
	}
	c.Int8(t.UnixMicro() - epoch.UnixMicro())
}

// Day appends a date.
func (c *Copy) Day(t time.Time) {
	y, m, d := t.Date()
	days := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(epoch) / (24 * time.Hour)
	c.Int4(int(days))
}

// Amount appends a numeric with four decimals. Its binary form counts in
// ten-thousands, as shop.Amount does.
func (c *Copy) Amount(a shop.Amount) {
	const positive, negative = 0x0000, 0x4000
	sign, u := uint16(positive), uint64(a)
	if a < 0 {
		sign, u = negative, -u
	}
	var digits [6]uint16
	n := len(digits)
	for rest := u; rest > 0; rest /= 10_000 {
		n--
		digits[n] = uint16(rest % 10_000)
	}
	group := digits[n:]
	weight := len(group) - 2 // the last group stands behind the point
	for len(group) > 0 && group[len(group)-1] == 0 {
		group = group[:len(group)-1]
	}
	if len(group) == 0 {
		weight = 0
	}
	c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(8+2*len(group)))
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(group)))
	c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(int16(weight)))
	c.buf = binary.BigEndian.AppendUint16(c.buf, sign)
	c.buf = binary.BigEndian.AppendUint16(c.buf, 4)
	for _, d := range group {
		c.buf = binary.BigEndian.AppendUint16(c.buf, d)
	}
}

// CopyIn writes the rows of c into a table. More than MaxRows rows are refused
// before anything is sent.
func (t Tx) CopyIn(ctx context.Context, table string, c *Copy) (err error) {
	defer errs.Wrap(&err, "copy into %s", table)
	if c.rows == 0 {
		return nil
	}
	if c.rows > MaxRows {
		return tooManyRows(int64(c.rows))
	}
	quoted := make([]string, len(c.columns))
	for i, name := range c.columns {
		quoted[i] = pgx.Identifier{name}.Sanitize()
	}
	sql := fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)",
		pgx.Identifier{table}.Sanitize(), strings.Join(quoted, ", "))
	body := append(c.buf, 0xff, 0xff)
	c.buf = body[:len(body)-2]
	tag, err := t.tx.Conn().PgConn().CopyFrom(ctx, bytes.NewReader(body), sql)
	if err != nil {
		return classify(err)
	}
	if tag.RowsAffected() != int64(c.rows) {
		return fmt.Errorf("%d of %d rows arrived: %w", tag.RowsAffected(), c.rows, errs.Corrupt)
	}
	return nil
}

// Stage makes the temporary tables of a load and has each statement planned
// for the sizes that the tables have now: a plan kept from when a table was
// empty would read all of it for every chunk.
func (t Tx) Stage(ctx context.Context, ddl string) error {
	_, err := t.tx.Exec(ctx, "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL client_min_messages = warning; "+ddl)
	return classify(err)
}
