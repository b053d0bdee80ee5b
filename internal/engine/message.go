package engine

import (
	"encoding/json"
	"errors"
	"io"
)

// A message is one of the JSON objects by which the engine tells how a pull or
// a load goes. A failure comes as a message too, after a status of 200.
type Message struct {
	Status   string
	ID       string
	Progress struct{ Current, Total int64 } `json:"progressDetail"`
	Error    *struct{ Message string }      `json:"errorDetail"`
}

// nextMessage reads a message; io.EOF says that the engine is done.
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

// drainMessages reads to the end and answers the failure, if there was one.
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
