package page

import (
	"encoding/base64"
	"testing"
	"time"
)

const id = "8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a"

func TestParse(t *testing.T) {
	t.Parallel()
	t.Run("accepts its own cursors", func(t *testing.T) {
		t.Parallel()
		want := Cursor{Time: time.UnixMicro(1767323045000001), ID: id}
		got, err := Parse(0, want.String())
		if err != nil || !got.After.Time.Equal(want.Time) || got.After.ID != want.ID || got.Size != DefaultSize {
			t.Errorf("got %+v, %v, want cursor %+v and size %d", got, err, want, DefaultSize)
		}
		if first, err := Parse(100, Cursor{}.String()); err != nil || first.After != (Cursor{}) || first.Size != 100 {
			t.Errorf("first page: got %+v, %v, want no cursor and size 100", first, err)
		}
	})

	t.Run("rejects invalid cursors and sizes", func(t *testing.T) {
		t.Parallel()
		encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		for _, cursor := range []string{"x!", encode("1"), encode("a " + id), encode("1 x"), encode("-1 " + id), encode("9223372036854775807 " + id)} {
			if got, err := Parse(0, cursor); err == nil {
				t.Errorf("cursor %s: got %+v, want an error", cursor, got)
			}
		}
		for _, size := range []int32{-1, 101} {
			if _, err := Parse(size, ""); err == nil {
				t.Errorf("size %d: got no error", size)
			}
		}
	})
}

func TestCut(t *testing.T) {
	t.Parallel()
	t.Run("returns the cursor of the next page", func(t *testing.T) {
		t.Parallel()
		place := func(n int) Cursor { return Cursor{Time: time.UnixMicro(int64(n)), ID: id} }
		if list, next := Cut([]int{3, 2, 1}, 2, place); len(list) != 2 || next.Time.UnixMicro() != 2 {
			t.Errorf("got %v, %v, want 2 entries and the cursor of the second", list, next)
		}
		if list, next := Cut([]int{3, 2}, 2, place); len(list) != 2 || next != (Cursor{}) {
			t.Errorf("got %v, %v, want 2 entries and no cursor", list, next)
		}
	})
}
