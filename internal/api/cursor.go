package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
)

// A cursor is the position of a page's last row: the values that the list is
// sorted by, as JSON, behind a short hash of the list and its filters, so that
// it continues no other list. It is no secret and not signed: whoever makes one
// up sees rows that they may see anyway.

// maxCursor bounds a cursor. Positions are a few values.
const maxCursor = 2 << 10

const hashBytes = 8

var badCursor = refusal{"malformed", "the cursor is not one of this list with these filters",
	"begin again without cursor, and change nothing but the cursor from page to page"}

// listHash identifies a list with its filters: the path and the query without
// what tells pages apart. The order of parameters doesn't matter.
func listHash(u *url.URL) [hashBytes]byte {
	q := u.Query()
	q.Del("limit")
	q.Del("cursor")
	sum := sha256.Sum256([]byte(u.Path + "?" + q.Encode()))
	return [hashBytes]byte(sum[:])
}

func writeCursor(list [hashBytes]byte, position any) (string, error) {
	values, err := json.Marshal(position)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(list[:], values...)), nil
}

// readCursor returns the position of a cursor of the list, nil for "".
func readCursor[K any](list [hashBytes]byte, cursor string) (*K, error) {
	if cursor == "" {
		return nil, nil
	}
	if len(cursor) > maxCursor {
		return nil, badCursor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || !bytes.HasPrefix(raw, list[:]) {
		return nil, badCursor
	}
	values := raw[hashBytes:]
	position := new(K)
	d := json.NewDecoder(bytes.NewReader(values))
	d.DisallowUnknownFields()
	if d.Decode(position) != nil {
		return nil, badCursor
	}
	// Only what writeCursor wrote comes back the same: no null, nothing behind
	// the values, and no text that PostgreSQL would refuse.
	if again, err := json.Marshal(position); err != nil || !bytes.Equal(again, values) || bytes.Contains(values, []byte(`\u0000`)) {
		return nil, badCursor
	}
	return position, nil
}
