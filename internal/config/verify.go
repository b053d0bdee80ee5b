package config

import (
	"fmt"
	"net/url"
	"strconv"
)

// verifyChecks validates the configured checks. Those that the chart's Services decide
// are validated with the rendered chart.
func (k *checker) verifyChecks() {
	names := map[string]bool{}
	for i, check := range k.config.Verify.Checks {
		problem := checkURL(check.URL)
		switch {
		case check.Name == "":
			problem = "requires a name"
		case problem != "":
		case names[check.Name]:
			problem = "has the name of another check"
		case check.Status != 0 && (check.Status < 100 || check.Status > 599):
			problem = fmt.Sprintf("status %d must be between 100 and 599", check.Status)
		}
		if problem != "" {
			k.report(fmt.Sprintf("verify.checks: entry %d (%s): %s", i+1, check.Name, problem), "verify", "checks")
		}
		names[check.Name] = true
	}
}

// checkURL returns what is wrong with the URL, without the URL: it may contain a password.
func checkURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return "requires a url such as http://service:port/path"
	case err != nil:
		return "url is invalid"
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Sprintf("url must start with http:// or https://, not %s", u.Scheme+"://")
	case u.Hostname() == "":
		return "url has no host"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Sprintf("port %s must be between 1 and 65535", port)
		}
	}
	return ""
}

// valuesPaths requires that each image has its own path: the last one would win.
func (k *checker) valuesPaths() {
	first := map[string]string{}
	for _, name := range k.config.ImageNames() {
		path := k.config.Images[name].Values
		if other := first[path]; path != "" && other != "" {
			k.report(fmt.Sprintf("image %s: values: %s is also the path of image %s", name, path, other), "images", name, "values")
		}
		first[path] = name
	}
}
