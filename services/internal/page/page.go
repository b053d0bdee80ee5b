// Package page cuts lists that grow at their head, newest first, into pages.
//
// A page begins after a cursor, the place of the page before's last entry, and
// not at a number: what is added meanwhile shifts nothing, and the hundredth
// page costs what the first does.
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

// DefaultSize is the number of entries on a page whose size was not asked for.
const DefaultSize = 20

// maxSize bounds what one request can cost.
const maxSize = 100

// A Cursor is the place of an entry; the zero Cursor is before the first.
type Cursor struct {
	Time time.Time // in microseconds, which is what PostgreSQL keeps
	ID   string    // a UUID, for entries of the same time
}

// A Request asks for Size entries after After.
type Request struct {
	Size  int
	After Cursor
}

// Parse reads what a caller asked for: size 0 is [DefaultSize], an empty cursor
// the first page. The error is a [refusal.Error].
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

// maxMicros is in the year 10000, which PostgreSQL still knows.
const maxMicros = 253402300800 * 1_000_000

// String is the opaque form that [Parse] reads; "" for the zero Cursor.
func (c Cursor) String() string {
	if c == (Cursor{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", c.Time.UnixMicro(), c.ID))
}

// Below gives the parameters of WHERE (created_at, id) < ($1, $2), which is one
// range of an index for the first page too.
func (c Cursor) Below() (at pgtype.Timestamptz, id string) {
	if c == (Cursor{}) {
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, "ffffffff-ffff-ffff-ffff-ffffffffffff"
	}
	return pgtype.Timestamptz{Time: c.Time, Valid: true}, c.ID
}

// Cut takes one entry more than size, if there was one, off the list: it tells
// that another page follows, whose cursor Cut returns.
func Cut[T any](list []T, size int, place func(T) Cursor) ([]T, Cursor) {
	if len(list) <= size {
		return list, Cursor{}
	}
	return list[:size], place(list[size-1])
}
