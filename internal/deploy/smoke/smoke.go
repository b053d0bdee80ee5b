// Package smoke reads the checks of tkdeploy.yaml, and decides which of them count for a
// revision that another checkout may have written.
package smoke

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/verify"
)

// Fitting returns the checks whose Services are among the objects, and a warning for
// each other one.
func Fitting(checks []config.Check, objects []unstructured.Unstructured, namespace string) (fitting []config.Check, warnings []string) {
	for _, c := range checks {
		service := serviceName(c.URL, namespace)
		if service == "" || slices.ContainsFunc(objects, func(o unstructured.Unstructured) bool { return o.GetKind() == "Service" && o.GetName() == service }) {
			fitting = append(fitting, c)
			continue
		}
		warnings = append(warnings, fmt.Sprintf("skipped check %s, because there is no Service %s", c.Name, service))
	}
	return fitting, warnings
}

// serviceName returns the Service of the namespace that a URL names, or "" for another
// host.
func serviceName(address, namespace string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	service, domain, qualified := strings.Cut(u.Hostname(), ".")
	if qualified && domain != namespace && !strings.HasPrefix(domain, namespace+".svc") {
		return ""
	}
	return service
}

// OnlyConfigured returns the names of the failed checks if err is a failed smoke test and
// all of them are among checks. Otherwise it returns nil.
func OnlyConfigured(err error, checks []config.Check) []string {
	var failure *verify.Failure
	if !errors.As(err, &failure) || len(failure.Hooks) > 0 {
		return nil
	}
	var names []string
	for _, result := range failure.Failed {
		if !slices.ContainsFunc(checks, func(c config.Check) bool { return c.Name == result.ID }) {
			return nil
		}
		names = append(names, result.ID)
	}
	return names
}
