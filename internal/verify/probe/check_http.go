package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	maxBody   = 1 << 20 // read for Expect.Contains
	shownBody = 200
)

// checkHTTP follows the rules of the kubelet: no proxy, no certificate
// verification, redirects only within the host.
func (n *network) checkHTTP(ctx context.Context, c Check) (Answer, string, *problem) {
	doing := "GET " + c.URL()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL(), nil)
	if err != nil {
		return Answer{}, "", &problem{Unexpected, fmt.Sprintf("%s: %v", doing, err)}
	}
	setHeaders(request, c.Headers)
	response, err := n.httpClient(c).Do(request)
	if err != nil {
		return Answer{}, "", newProblem(doing, err, c.timeout())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	answer := Answer{Status: response.StatusCode, Body: text.Printable(readable(string(body)), shownBody)}
	if err != nil {
		return answer, "", newProblem(fmt.Sprintf("%s returned %d, but its body is incomplete", doing, answer.Status), err, c.timeout())
	}
	message := fmt.Sprintf("%s returned %d", doing, answer.Status)
	if difference, ok := c.Expect.matches(answer.Status, string(body)); !ok {
		return answer, "", &problem{Unexpected, message + difference + formatBody(answer.Body)}
	}
	return answer, message, nil
}

func setHeaders(request *http.Request, headers http.Header) {
	request.Header.Set("User-Agent", "tkdeploy-smoke")
	request.Header.Set("Accept", "*/*")
	for name, values := range headers {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
}

func (n *network) httpClient(c Check) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialer := net.Dialer{Resolver: n.resolver}
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // like the kubelet
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Hostname() != c.Target.Host || c.Expect.Status != 0 {
				return http.ErrUseLastResponse
			}
			if len(via) >= 10 {
				return errors.New("more than 10 redirects")
			}
			return nil
		},
	}
}

// matches returns a difference that continues a message ending with the status code.
func (e Expect) matches(status int, body string) (difference string, ok bool) {
	switch {
	case e.Status != 0 && status != e.Status:
		return fmt.Sprintf(" instead of %d", e.Status), false
	case e.Status == 0 && (status < 200 || status > 399):
		return "", false
	case !strings.Contains(body, e.Contains) && len(body) == maxBody:
		return fmt.Sprintf(" without %q in its first MiB", e.Contains), false
	case !strings.Contains(body, e.Contains):
		return fmt.Sprintf(" without %q", e.Contains), false
	}
	return "", true
}

// invisible are the parts of an HTML page that a browser does not show as text.
var invisible = regexp.MustCompile(`(?is)<head\b.*?</head>|<script\b.*?</script>|<style\b.*?</style>|<!--.*?-->|<[^>]*>`)

// readable returns the text of an HTML page, and any other body unchanged.
func readable(body string) string {
	start := strings.ToLower(strings.TrimSpace(body[:min(len(body), 100)]))
	if !strings.HasPrefix(start, "<!doctype html") && !strings.HasPrefix(start, "<html") {
		return body
	}
	if text := invisible.ReplaceAllString(body, " "); strings.TrimSpace(text) != "" {
		return html.UnescapeString(text)
	}
	return body
}

func formatBody(body string) string {
	if body == "" {
		return " with an empty body"
	}
	return ": " + body
}
