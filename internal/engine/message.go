package engine

import (
	"encoding/json"
	"errors"
	"io"
)

// Message is a progress message of a pull or load. Errors are messages too,
// after HTTP status 200.
type Message struct {
	Status   string
	ID       string
	Progress struct{ Current, Total int64 } `json:"progressDetail"`
	Error    *struct{ Message string }      `json:"errorDetail"`
}

// NextMessage reads a message and returns its error, or io.EOF.
func NextMessage(from *json.Decoder) (Message, error) {
	var m Message
	if err := from.Decode(&m); err != nil {
		return m, err
	}
	if m.Error != nil {
		return m, errors.New(m.Error.Message)
	}
	return m, nil
}

// DrainMessages reads to the end or the first error, which it returns.
func DrainMessages(from io.Reader) error {
	messages := json.NewDecoder(from)
	for {
		if _, err := NextMessage(messages); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
