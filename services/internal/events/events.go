// Package events is the contract of the Kafka topic "interactions": what
// interaction-service publishes and other services consume.
//
// An event is published at least once, and always with the same id: whoever
// must count it once remembers the ids. Events of one video come in the order
// in which they happened.
package events

import (
	"encoding/json"
	"fmt"
	"time"
)

// Topic is the topic's name. The key of a record is the video's id.
const Topic = "interactions"

// Partitions is how many the topic is made with: the most consumers that can
// share the work.
const Partitions = 3

// A Type is what somebody did to a video. Consumers skip types that they do not
// know.
type Type string

// The types.
const (
	Liked     Type = "liked"
	Unliked   Type = "unliked"
	Commented Type = "commented"
	Viewed    Type = "viewed"
)

// An Event is the value of a record, as JSON.
type Event struct {
	ID    string    `json:"id"` // a UUID
	Type  Type      `json:"type"`
	Actor string    `json:"actor"` // the id of the user who did it
	Video string    `json:"video"`
	Owner string    `json:"owner"` // the id of the user who posted the video
	Time  time.Time `json:"time"`
}

// Encode is the value of the event's record.
func Encode(e Event) ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return data, nil
}

// Decode reads the value of a record. Fields that are new to this version are
// no error.
func Decode(data []byte) (e Event, err error) {
	if err := json.Unmarshal(data, &e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	return e, nil
}
