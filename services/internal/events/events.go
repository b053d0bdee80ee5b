// Package events defines the events of the Kafka topic "interactions".
//
// An event is published at least once, and always with the same id. The events
// of one video arrive in order.
package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// Topic is the name of the topic. Its records have the video's id as key.
const Topic = "interactions"

// Partitions is the number of partitions, and thus the maximum number of
// consumers.
const Partitions = 3

// Type is the type of an action. Consumers skip unknown types.
type Type string

// The event types.
const (
	Liked     Type = "liked"
	Unliked   Type = "unliked"
	Commented Type = "commented"
	Viewed    Type = "viewed"
)

// Event is the JSON value of a record.
type Event struct {
	ID    string    `json:"id"` // a UUID
	Type  Type      `json:"type"`
	Actor string    `json:"actor"` // user id
	Video string    `json:"video"`
	Owner string    `json:"owner"` // user id
	Time  time.Time `json:"time"`
}

// Encode returns the record value of e.
func Encode(e Event) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return data, nil
}

// Decode parses a record value and ignores unknown fields.
func Decode(data []byte) (e Event, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}
