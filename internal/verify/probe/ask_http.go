package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const (
	maxBody     = 1 << 20 // of an answer's body, for Expect.Contains
	bodyInWords = 200     // bytes of it that are shown
)

// askHTTP sends a GET by the kubelet's rules: a certificate is not verified,
// no proxy is used, a redirect is followed unless it leaves the host.
func (p *prober) askHTTP(ctx context.Context, c Check) (Answer, string, *problem) {
	asked := "GET " + c.URL()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL(), nil)
	if err != nil {
		return Answer{}, "", &problem{WrongAnswer, fmt.Sprintf("%s: %v", asked, err)}
	}
	setHeaders(request, c.Headers)
	response, err := p.httpClient(c).Do(request)
	if err != nil {
		return Answer{}, "", failure(asked, err, c.timeout())
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	answer := Answer{Status: response.StatusCode, Body: text.Printable(string(body), bodyInWords)}
	if err != nil {
		return answer, "", failure(fmt.Sprintf("%s answered %d, then its body broke off", asked, answer.Status), err, c.timeout())
	}
	said := fmt.Sprintf("%s answered %d", asked, answer.Status)
	if complaint, wrong := c.Expect.complaint(answer.Status, string(body)); wrong {
		return answer, "", &problem{WrongAnswer, said + complaint + quoted(answer.Body)}
	}
	return answer, said, nil
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

func (p *prober) httpClient(c Check) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				dialer := net.Dialer{Resolver: p.resolver}
				return dialer.DialContext(ctx, network, address)
			},
			TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // as the kubelet's probe does
			DisableKeepAlives:  true,
			DisableCompression: true,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Hostname() != c.Target.Host || c.Expect.Status != 0 {
				return http.ErrUseLastResponse
			}
			if len(via) >= 10 {
				return errors.New("it redirects more than 10 times")
			}
			return nil
		},
	}
}

// complaint is what is wrong with an answer, to follow "answered 200".
func (e Expect) complaint(status int, body string) (problem string, wrong bool) {
	switch {
	case e.Status != 0 && status != e.Status:
		return fmt.Sprintf(" instead of %d", e.Status), true
	case e.Status == 0 && (status < 200 || status > 399):
		return "", true
	case !strings.Contains(body, e.Contains):
		return fmt.Sprintf(" without %q", e.Contains), true
	}
	return "", false
}

func quoted(body string) string {
	if body == "" {
		return " with an empty body"
	}
	return ": " + body
}
