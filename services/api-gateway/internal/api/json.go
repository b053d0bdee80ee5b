package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody bounds what a client can make the gateway read, in bytes.
const maxBody = 64 << 10

// readJSON reads the one JSON object that the request's body must be. A field
// that the target does not have is an error: a typo must not be lost.
func readJSON(w http.ResponseWriter, r *http.Request, target any) error {
	return readLargeJSON(w, r, maxBody, target)
}

// readLargeJSON is readJSON for a body of up to most bytes.
func readLargeJSON(w http.ResponseWriter, r *http.Request, most int64, target any) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return newProblem(http.StatusUnsupportedMediaType, "the body must be application/json")
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(target)
	if err == nil && decoder.More() {
		err = errors.New("there is more than one value")
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return newProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d KiB", most>>10))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return newProblem(http.StatusBadRequest, "the body ends too early")
	case err != nil:
		return newProblem(http.StatusBadRequest, "the body is not valid: "+strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	write(w, status, "application/json", data)
	return nil
}

// done is the answer to what has nothing to tell.
func done(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// write sends an answer that no cache may keep: it may hold tokens or personal data.
func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that went away needs no answer
}
