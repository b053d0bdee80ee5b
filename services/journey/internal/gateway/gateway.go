// Package gateway asks the stack's API over HTTP, as a user's program does.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// A Client asks one gateway.
type Client struct {
	URL     string        // without a slash at the end
	HTTP    http.Client   // it should follow no redirect: the API has none
	Timeout time.Duration // of one try, with its answer
	Pause   time.Duration // before the next try; a longer Retry-After counts more

	// Patience is how long a gateway that takes no connection is tried: one whose
	// last pod is not ready for a moment. Requests in a row share it.
	Patience time.Duration

	away    time.Time // since when no connection is taken; zero if the last one was
	secrets []string
}

// maxTries is how often a request that changes nothing when it comes twice is
// sent to a service that is away: the stack was ready when the client started,
// so this is for a pod that is replaced at that moment.
const maxTries = 3

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 4 << 20

// A Request is sent with Token, if there is one, and Body as JSON.
type Request struct {
	Method, Path string
	Token        string
	Body         any // nil is none
	Status       int // of the answer that is wanted
	Into         any // what the answer's JSON is decoded into; nil is nothing
}

// An Answer is one of the wanted status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Hide keeps secrets out of errors.
func (c *Client) Hide(secrets ...string) {
	for _, secret := range secrets {
		if secret != "" {
			c.secrets = append(c.secrets, secret)
		}
	}
}

// Do sends a request, again where that makes sense and ctx has time for it. The
// error is an [Error].
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	for try := 1; ; try++ {
		sent := time.Now()
		answer, failure := c.send(ctx, r)
		switch {
		case failure == nil || !failure.unsent:
			c.away = time.Time{}
		case c.away.IsZero():
			c.away = sent
		}
		if failure == nil {
			return answer, nil
		}
		wait, yes := failure.repeatable(try, time.Since(c.away), c.Patience)
		if !yes || !Wait(ctx, max(wait, c.Pause)) {
			return Answer{}, failure
		}
	}
}

// Wait waits for d. It is false, and does not wait, if ctx ends before.
func Wait(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (c *Client) send(ctx context.Context, r Request) (Answer, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no answer within %s", c.Timeout))
	defer cancel()
	answer, err := c.exchange(ctx, r)
	switch {
	case err != nil:
		var network *net.OpError
		unsent := errors.As(err, &network) && network.Op == "dial"
		return Answer{}, &Error{Method: r.Method, URL: c.URL + r.Path, what: reason(ctx, err), unsent: unsent}
	case answer.Status != r.Status:
		return Answer{}, c.unwanted(r, answer)
	case r.Into == nil:
		return answer, nil
	}
	if err := json.Unmarshal(answer.Body, r.Into); err != nil {
		what := fmt.Sprintf("%d %s, not as the API describes it: %v", answer.Status, http.StatusText(answer.Status), err)
		return Answer{}, &Error{Method: r.Method, URL: c.URL + r.Path, Status: answer.Status, what: what}
	}
	return answer, nil
}

// reason says why there is no answer, without the URL, which the Error has.
func reason(ctx context.Context, err error) string {
	if ctx.Err() != nil {
		return context.Cause(ctx).Error()
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return err.Error()
}

func (c *Client) exchange(ctx context.Context, r Request) (Answer, error) {
	var body io.Reader
	if r.Body != nil {
		data, err := json.Marshal(r.Body)
		if err != nil {
			return Answer{}, fmt.Errorf("encode body: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.URL+r.Path, body)
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return Answer{}, fmt.Errorf("read answer: %w", err)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: data}, nil
}
