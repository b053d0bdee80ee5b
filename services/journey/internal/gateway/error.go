package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is a failed request. Its text contains no secrets.
type Error struct {
	Method, URL string
	Status      int // 0 without a response

	what       string
	retryAfter time.Duration
	unsent     bool // no connection was made
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", e.Method, e.URL, e.what) }

// maxExcerpt limits the excerpt of a response, in characters.
const maxExcerpt = 300

// statusError hides successful bodies, which could contain tokens.
func (c *Client) statusError(r Request, response Response) *Error {
	e := &Error{Method: r.Method, URL: c.URL + r.Path, Status: response.Status}
	e.what = fmt.Sprintf("%d %s", response.Status, http.StatusText(response.Status))
	if response.Status < http.StatusBadRequest {
		e.what += fmt.Sprintf(", want %d", r.Status)
	} else if text := c.excerpt(response.Body); text != "" {
		e.what += ": " + text
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.retryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// excerpt returns the start of a body as one line. It removes secrets before
// cutting, which could leave a part of one.
func (c *Client) excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "�")), " ")
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "(hidden)")
	}
	if runes := []rune(text); len(runes) > maxExcerpt {
		return string(runes[:maxExcerpt]) + "…"
	}
	return text
}

// repeatable reports whether to retry, and the minimum wait. A request over the
// rate limit or without a connection was not processed. One to an unavailable
// service may have been, so only idempotent requests are retried.
func (e *Error) repeatable(try int, away, retryTimeout time.Duration) (wait time.Duration, yes bool) {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return e.retryAfter, true
	case e.unsent && away < retryTimeout:
		return 0, true
	}
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return e.retryAfter, e.Method != http.MethodPost && try < maxTries
	default:
		return 0, false
	}
}
