// Package journey is what the stack is for, done as a user does it: two people
// register, one posts a video that the feed then shows, the other likes it, and
// the first is told.
//
// It expects nothing that other users of the stack could change meanwhile, and
// leaves nothing behind.
package journey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
	"tkdeploy.dev/tiktok/journey/internal/tap"
)

// A Journey is taken once.
type Journey struct {
	Gateway *gateway.Client
	Limits  Limits
	Poll    time.Duration // between two questions for what takes a moment

	author, fan account
	video       video    // the one that is looked for
	posted      []string // ids of all that were posted
}

// Limits bound how long the journey takes.
type Limits struct {
	Steps        time.Duration // all steps together, without the clean-up
	Notification time.Duration // from a like until it is told
	CleanUp      time.Duration
}

// A step is what a user does. Without the step that it needs it is skipped.
type step struct {
	name, needs string
	do          func(context.Context) error
}

func (j *Journey) steps() []step {
	const register, logIn, post, like = "register two accounts", "log in", "post a video", "like from the second account"
	return []step{
		{register, "", j.register},
		{logIn, register, j.logIn},
		{"refresh the session", logIn, j.refresh},
		{post, logIn, j.post},
		{"feed from the database", post, j.feedFromDatabase},
		{"feed from the cache", post, j.feedFromCache},
		{like, post, j.like},
		{"notification of the like", like, j.notification},
		{"clean up", "", j.cleanUp},
	}
}

// Names are the steps in their order.
func (j *Journey) Names() []string {
	var names []string
	for _, s := range j.steps() {
		names = append(names, s.name)
	}
	return names
}

var errNoTime = errors.New("the time for the journey is over")

// Take takes every step and writes each result when it is there. When ctx ends,
// the step at hand fails and the clean-up is still done.
func (j *Journey) Take(ctx context.Context, results *tap.Writer) {
	ctx, cancel := context.WithTimeoutCause(ctx, j.Limits.Steps, errNoTime)
	defer cancel()
	passed := map[string]bool{"": true}
	for _, s := range j.steps() {
		if !passed[s.needs] {
			results.Skip(s.name, fmt.Sprintf("needs %q", s.needs))
			continue
		}
		start := time.Now()
		if err := s.do(ctx); err != nil {
			results.Fail(s.name, time.Since(start), err.Error())
			continue
		}
		results.Pass(s.name, time.Since(start))
		passed[s.name] = true
	}
}
