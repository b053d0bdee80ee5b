// Package events defines the events of the Kafka topic "interactions".
// interaction-service publishes them.
//
// An event is published at least once, always with the same id. Consumers use the
// id to drop duplicates. The events of one video arrive in order.
package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// Topic is the name of the topic. The key of a record is the video's id.
const Topic = "interactions"

// Partitions is the topic's number of partitions, and so the maximum number of
// consumers that share the work.
const Partitions = 3

// Type is the action that an event reports. Consumers skip unknown types.
type Type string

// The types of an event.
const (
	Liked     Type = "liked"
	Unliked   Type = "unliked"
	Commented Type = "commented"
	Viewed    Type = "viewed"
)

// Event is the value of a record, encoded as JSON.
type Event struct {
	ID    string    `json:"id"` // a UUID
	Type  Type      `json:"type"`
	Actor string    `json:"actor"` // the id of the acting user
	Video string    `json:"video"`
	Owner string    `json:"owner"` // the id of the video's owner
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

// Decode parses a record value. It ignores unknown fields.
func Decode(data []byte) (e Event, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}
