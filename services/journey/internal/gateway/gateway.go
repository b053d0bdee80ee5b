// Package gateway is a client of the stack's HTTP API.
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

// Client sends requests to one gateway.
type Client struct {
	URL           string        // without a trailing slash
	HTTP          http.Client   // should not follow redirects
	Timeout       time.Duration // of one attempt
	RetryInterval time.Duration // Retry-After may be longer

	// RetryTimeout is how long to retry a gateway that accepts no connection,
	// for example while no pod is ready. Consecutive requests share it.
	RetryTimeout time.Duration

	away    time.Time // since when no connection is accepted, or zero
	secrets []string
}

// maxTries limits the attempts of an idempotent request while a pod is replaced.
const maxTries = 3

// maxBody limits a response, in bytes.
const maxBody = 4 << 20

// Request is a request with an optional Token and JSON Body.
type Request struct {
	Method, Path string
	Token        string
	Body         any // nil for none
	Status       int // expected
	Into         any // receives the JSON, if not nil
}

// Response is a response with the expected status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Hide removes secrets from errors.
func (c *Client) Hide(secrets ...string) {
	for _, secret := range secrets {
		if secret != "" {
			c.secrets = append(c.secrets, secret)
		}
	}
}

// Do sends a request and retries it if that is safe. The error is an [Error].
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	for try := 1; ; try++ {
		sent := time.Now()
		response, failure := c.send(ctx, r)
		switch {
		case failure == nil || !failure.unsent:
			c.away = time.Time{}
		case c.away.IsZero():
			c.away = sent
		}
		if failure == nil {
			return response, nil
		}
		wait, yes := failure.repeatable(try, time.Since(c.away), c.RetryTimeout)
		if !yes || !Wait(ctx, max(wait, c.RetryInterval)) {
			return Response{}, failure
		}
	}
}

// Wait waits for d. If ctx would end first, it returns false without waiting.
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

func (c *Client) send(ctx context.Context, r Request) (Response, *Error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("no response within %s", c.Timeout))
	defer cancel()
	response, err := c.exchange(ctx, r)
	switch {
	case err != nil:
		var network *net.OpError
		unsent := errors.As(err, &network) && network.Op == "dial"
		return Response{}, &Error{Method: r.Method, URL: c.URL + r.Path, what: reason(ctx, err), unsent: unsent}
	case response.Status != r.Status:
		return Response{}, c.statusError(r, response)
	case r.Into == nil:
		return response, nil
	}
	if err := json.Unmarshal(response.Body, r.Into); err != nil {
		what := fmt.Sprintf("%d %s, not as the API specifies: %v", response.Status, http.StatusText(response.Status), err)
		return Response{}, &Error{Method: r.Method, URL: c.URL + r.Path, Status: response.Status, what: what}
	}
	return response, nil
}

// reason omits the URL, which Error contains.
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

func (c *Client) exchange(ctx context.Context, r Request) (Response, error) {
	var body io.Reader
	if r.Body != nil {
		data, err := json.Marshal(r.Body)
		if err != nil {
			return Response{}, fmt.Errorf("encode body: %w", err)
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, c.URL+r.Path, body)
	if err != nil {
		return Response{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return Response{}, fmt.Errorf("read response: %w", err)
	}
	return Response{Status: response.StatusCode, Header: response.Header, Body: data}, nil
}
