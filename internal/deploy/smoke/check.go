package smoke

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Checks returns the checks that are configured. Errors have class [fault.Config].
func Checks(configured []config.Check) ([]probe.Check, error) {
	var all []probe.Check
	for _, c := range configured {
		one, err := check(c)
		if err != nil {
			return nil, fault.New(fault.Config, fmt.Errorf("verify.checks: %s: %w", c.Name, err), "")
		}
		all = append(all, one)
	}
	return all, nil
}

// check returns the check that c configures. The error does not contain the password of
// the URL.
func check(c config.Check) (probe.Check, error) {
	u, err := url.Parse(c.URL)
	if parseErr := (*url.Error)(nil); errors.As(err, &parseErr) {
		return probe.Check{}, fmt.Errorf("invalid url: %w", parseErr.Err) // without the URL, which may contain a password
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if port == 0 {
		return probe.Check{}, fmt.Errorf("unsupported url %s: must start with http:// or https://", u.Redacted())
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return probe.Check{}, err
		}
	}
	return probe.Check{
		ID:      c.Name,
		Kind:    probe.HTTP,
		Target:  probe.Target{Host: u.Hostname(), Port: port, Scheme: u.Scheme, Path: u.RequestURI()},
		Headers: basicAuth(u.User),
		Expect:  probe.Expect{Status: c.Status, Contains: c.Contains},
	}, nil
}

func basicAuth(user *url.Userinfo) http.Header {
	if user == nil {
		return nil
	}
	password, _ := user.Password()
	request := http.Request{Header: http.Header{}}
	request.SetBasicAuth(user.Username(), password)
	return request.Header
}
