// Package journey exercises the stack like its users: two users register, one
// posts a video, the other likes it, and the first is notified. It tolerates
// other users of the stack and leaves nothing behind.
package journey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tkdeploy.dev/tiktok/journey/internal/gateway"
	"tkdeploy.dev/tiktok/journey/internal/tap"
)

// Journey is one run of the steps.
type Journey struct {
	Gateway *gateway.Client
	Limits  Limits
	Poll    time.Duration // while waiting for a result

	author, fan account
	video       video    // the latest post
	posted      []string // ids of all posts
}

// Limits holds time limits.
type Limits struct {
	Steps        time.Duration // all steps except the clean-up
	Notification time.Duration // from the like to its notification
	CleanUp      time.Duration
}

// step is skipped unless the step that it needs passed.
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

// Names returns the names of the steps.
func (j *Journey) Names() []string {
	var names []string
	for _, s := range j.steps() {
		names = append(names, s.name)
	}
	return names
}

var errNoTime = errors.New("time limit of the journey exceeded")

// Run runs the steps and writes each result. If ctx ends, the current step fails
// and the clean-up still runs.
func (j *Journey) Run(ctx context.Context, results *tap.Writer) {
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
