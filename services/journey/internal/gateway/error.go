package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An Error is a request without the answer that was wanted: which one, and what
// came in place of it. It shows none of the client's secrets.
type Error struct {
	Method, URL string
	Status      int // 0: there was no answer

	what       string
	retryAfter time.Duration
	unsent     bool // nobody took the connection
}

func (e *Error) Error() string { return fmt.Sprintf("%s %s: %s", e.Method, e.URL, e.what) }

// maxExcerpt is how many characters of an answer an error shows.
const maxExcerpt = 300

// unwanted is the error of an answer with another status than the wanted one. An
// answer of success is not shown: it could hold tokens.
func (c *Client) unwanted(r Request, answer Answer) *Error {
	e := &Error{Method: r.Method, URL: c.URL + r.Path, Status: answer.Status}
	e.what = fmt.Sprintf("%d %s", answer.Status, http.StatusText(answer.Status))
	if answer.Status < http.StatusBadRequest {
		e.what += fmt.Sprintf(", want %d", r.Status)
	} else if text := c.excerpt(answer.Body); text != "" {
		e.what += ": " + text
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.retryAfter = time.Duration(seconds) * time.Second
	}
	return e
}

// excerpt is the start of a body, in one line. What is secret goes before the
// rest is cut, which could leave a part of it.
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

// repeatable says whether another try makes sense, and the least time before it.
// A request over the rate limit was not carried out, nor was one that nobody took;
// one that came to a service while that is away may have been, so only what can be
// done twice is repeated.
func (e *Error) repeatable(try int, away, patience time.Duration) (wait time.Duration, yes bool) {
	switch {
	case e.Status == http.StatusTooManyRequests:
		return e.retryAfter, true
	case e.unsent && away < patience:
		return 0, true
	}
	switch e.Status {
	case 0, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return e.retryAfter, e.Method != http.MethodPost && try < maxTries
	default:
		return 0, false
	}
}
