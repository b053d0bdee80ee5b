package api

import (
	"net/http"
	"strconv"
)

// pageOf reads page_size and cursor. The called service validates them further.
func pageOf(r *http.Request) (size int32, cursor string, err error) {
	query := r.URL.Query()
	text := query.Get("page_size")
	if text == "" {
		return 0, query.Get("cursor"), nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		p := newProblem(http.StatusUnprocessableEntity, "some fields are not valid")
		p.Errors = []fieldError{{Field: "page_size", Detail: "must be from 1 to 100"}}
		return 0, "", p
	}
	return int32(n), query.Get("cursor"), nil
}
