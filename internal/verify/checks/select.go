package checks

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Select removes the checks that skip names by ID or Service, and adds extra. It ignores
// other names in skip: a revision need not have every Service. See [Unknown]. The host of
// an extra check defaults to its Service, its ID to host, kind and port. The error has
// class [fault.Config] and reports all problems.
func Select(derived, extra []probe.Check, skip []string) ([]probe.Check, error) {
	var problems []error
	checks := without(derived, skip)
	for i, c := range extra {
		c = withDefaults(c)
		if err := validate(c); err != nil {
			problems = append(problems, fmt.Errorf("extra check %d (%s): %w", i+1, c.ID, err))
		}
		if c.ID == NetworkPolicies || slices.ContainsFunc(checks, func(other probe.Check) bool { return other.ID == c.ID }) {
			problems = append(problems, fmt.Errorf("extra check %d: duplicate ID %q", i+1, c.ID))
		}
		checks = append(checks, c)
	}
	if len(problems) > 0 {
		return nil, fault.New(fault.Config, errors.Join(problems...), "fix verify.checks in tkdeploy.yaml")
	}
	return link(checks), nil
}

// Unknown returns the names in skip that match no check, Service or hook.
func Unknown(derived []probe.Check, hooks, skip []string) []string {
	names := names(derived, hooks)
	return slices.DeleteFunc(slices.Clone(skip), func(name string) bool {
		return slices.ContainsFunc(names, func(known string) bool { return matches(name, known) })
	})
}

// UnknownName returns the error for a name that [Unknown] returns.
func UnknownName(name string, derived []probe.Check, hooks []string) error {
	known := names(derived, hooks)
	if nearest := strictyaml.Nearest(name, known); nearest != "" {
		return fmt.Errorf("skip: unknown check, Service or test hook %q; did you mean %q?", name, nearest)
	}
	return fmt.Errorf("skip: unknown check, Service or test hook %q; valid names are %s", name, strings.Join(known, ", "))
}

func names(checks []probe.Check, hooks []string) []string {
	var names []string
	for _, c := range checks {
		names = append(names, c.ID)
		if c.Service != "" && !slices.Contains(names, c.Service) {
			names = append(names, c.Service)
		}
	}
	return append(names, hooks...)
}

func without(checks []probe.Check, skip []string) (kept []probe.Check) {
	for _, c := range checks {
		if !slices.ContainsFunc(skip, func(name string) bool { return matches(name, c.ID) || c.Service != "" && matches(name, c.Service) }) {
			kept = append(kept, c)
		}
	}
	return kept
}

// matches reports whether name is that of a pattern, in which * matches any characters
// but a slash.
func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func withDefaults(c probe.Check) probe.Check {
	if c.Target.Host == "" {
		c.Target.Host = c.Service
	}
	if c.ID == "" {
		c.ID = fmt.Sprintf("%s/%s", c.Target.Host, c.Kind)
		if c.Target.Port > 0 {
			c.ID += fmt.Sprintf("-%d", c.Target.Port)
		}
	}
	return c
}

func validate(c probe.Check) error {
	switch {
	case !slices.Contains([]probe.Kind{probe.DNS, probe.TCP, probe.HTTP, probe.GRPC}, c.Kind):
		return fmt.Errorf("kind %q must be dns, tcp, http or grpc", c.Kind)
	case c.Target.Host == "":
		return errors.New("service or host required")
	case c.Kind != probe.DNS && (c.Target.Port < 1 || c.Target.Port > 65535):
		return fmt.Errorf("port %d must be between 1 and 65535", c.Target.Port)
	case !slices.Contains([]string{"", "http", "https"}, c.Target.Scheme):
		return fmt.Errorf("scheme %q must be http or https", c.Target.Scheme)
	case c.Kind == probe.HTTP && c.Target.Path != "" && !strings.HasPrefix(c.Target.Path, "/"):
		return fmt.Errorf("path %q must start with /", c.Target.Path)
	case c.Expect.Status != 0 && (c.Expect.Status < 100 || c.Expect.Status > 599):
		return fmt.Errorf("status %d must be between 100 and 599", c.Expect.Status)
	case c.Timeout < 0 || c.Within < 0:
		return errors.New("timeouts must not be negative")
	}
	return nil
}

// link sets the needs of each check: a health check needs its port, a port its
// name, a name the cluster DNS. The next in that chain replaces a skipped one.
// Needs are always earlier checks.
func link(checks []probe.Check) []probe.Check {
	linked := slices.Clone(checks)
	for i := range linked {
		linked[i].Needs = nil
		if need := dependency(linked[:i], linked[i]); need != "" {
			linked[i].Needs = []string{need}
		}
	}
	return linked
}

func dependency(earlier []probe.Check, c probe.Check) string {
	find := func(match func(probe.Check) bool) string {
		if i := slices.IndexFunc(earlier, match); i >= 0 {
			return earlier[i].ID
		}
		return ""
	}
	var need string
	if c.Kind == probe.HTTP || c.Kind == probe.GRPC {
		need = find(func(e probe.Check) bool {
			return e.Kind == probe.TCP && e.Target.Host == c.Target.Host && e.Target.Port == c.Target.Port
		})
	}
	if need == "" && c.Kind != probe.DNS {
		need = find(func(e probe.Check) bool { return e.Kind == probe.DNS && e.Target.Host == c.Target.Host })
	}
	if need == "" {
		need = find(func(e probe.Check) bool { return e.ID == ClusterDNS })
	}
	return need
}
