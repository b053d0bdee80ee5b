// Package page splits lists, sorted newest first, into pages.
//
// A page starts after a cursor, the position of the previous page's last entry.
// Unlike an offset, a cursor is not shifted by new entries, and all pages cost
// the same.
package page

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"tkdeploy.dev/tiktok/internal/refusal"
)

// DefaultSize is the page size of a request without one.
const DefaultSize = 20

// maxSize bounds the cost of a request.
const maxSize = 100

// Cursor is the position of an entry. The zero Cursor is before the first.
type Cursor struct {
	Time time.Time // in microseconds, as in PostgreSQL
	ID   string    // a UUID, which orders entries of the same time
}

// Request is a request for Size entries after After.
type Request struct {
	Size  int
	After Cursor
}

// Parse validates a page size and cursor. Size 0 is [DefaultSize], an empty
// cursor the first page. The error is a [refusal.Error].
func Parse(size int32, cursor string) (Request, error) {
	var fields refusal.Fields
	fields.Check(size >= 0 && size <= maxSize, "page_size", fmt.Sprintf("must be from 1 to %d", maxSize))
	after, ok := parse(cursor)
	fields.Check(ok, "cursor", "must be the next_cursor of a page")
	if size == 0 {
		size = DefaultSize
	}
	return Request{Size: int(size), After: after}, fields.Err()
}

func parse(text string) (Cursor, bool) {
	if text == "" {
		return Cursor{}, true
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, false
	}
	number, id, _ := strings.Cut(string(data), " ")
	micros, err := strconv.ParseInt(number, 10, 64)
	if err != nil || micros < 0 || micros > maxMicros || !refusal.IsUUID(id) {
		return Cursor{}, false
	}
	return Cursor{Time: time.UnixMicro(micros), ID: id}, true
}

// maxMicros is in the year 10000, which PostgreSQL still supports.
const maxMicros = 253402300800 * 1_000_000

// String returns the form that [Parse] accepts.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", c.Time.UnixMicro(), c.ID))
}

// Below returns the parameters of WHERE (created_at, id) < ($1, $2), a single
// index range even for the first page.
func (c Cursor) Below() (at pgtype.Timestamptz, id string) {
	if c == (Cursor{}) {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, "ffffffff-ffff-ffff-ffff-ffffffffffff"
	}
	return pgtype.Timestamptz{Time: c.Time, Valid: true}, c.ID
}

// Cut shortens list to size. It returns the cursor of the next page if list was
// longer.
func Cut[T any](list []T, size int, place func(T) Cursor) ([]T, Cursor) {
	if len(list) <= size {
		return list, Cursor{}
	}
	return list[:size], place(list[size-1])
}
