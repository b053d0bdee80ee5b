package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Select applies the configuration to the derived checks and the chart's test
// hooks: it leaves out the checks that skip names by ID or by Service, and the
// hooks that it names, and adds extra. An extra check without host asks its
// Service; without ID it is called after its Service, kind and port. The error,
// of class Config, tells every problem at once.
func Select(derived, extra []probe.Check, hooks []Hook, skip []string) ([]probe.Check, []Hook, error) {
	problems := unknownNames(derived, hooks, skip)
	checks := without(derived, skip)
	hooks = slices.DeleteFunc(slices.Clone(hooks), func(h Hook) bool { return slices.Contains(skip, h.Name) })
	for i, c := range extra {
		c = completed(c)
		if err := validate(c); err != nil {
			problems = append(problems, fmt.Errorf("extra check %d (%s): %w", i+1, c.ID, err))
		}
		if c.ID == PolicyCheck || slices.ContainsFunc(checks, func(other probe.Check) bool { return other.ID == c.ID }) {
			problems = append(problems, fmt.Errorf("extra check %d: there already is a check %q", i+1, c.ID))
		}
		checks = append(checks, c)
	}
	if len(problems) > 0 {
		return nil, nil, fault.New(fault.Config, errors.Join(problems...), "correct verify.skip and verify.checks in tkdeploy.yaml")
	}
	return link(checks), hooks, nil
}

func unknownNames(checks []probe.Check, hooks []Hook, skip []string) (problems []error) {
	var names []string
	for _, c := range checks {
		names = append(names, c.ID)
		if c.Service != "" && !slices.Contains(names, c.Service) {
			names = append(names, c.Service)
		}
	}
	for _, h := range hooks {
		names = append(names, h.Name)
	}
	for _, name := range skip {
		if !slices.Contains(names, name) {
			problems = append(problems, unknownName(name, names))
		}
	}
	return problems
}

func without(checks []probe.Check, skip []string) (kept []probe.Check) {
	for _, c := range checks {
		if !slices.Contains(skip, c.ID) && (c.Service == "" || !slices.Contains(skip, c.Service)) {
			kept = append(kept, c)
		}
	}
	return kept
}

func unknownName(name string, known []string) error {
	if nearest := strictyaml.Nearest(name, known); nearest != "" {
		return fmt.Errorf("skip: no check, Service or test hook is called %q; did you mean %q?", name, nearest)
	}
	return fmt.Errorf("skip: no check, Service or test hook is called %q; there are %s", name, strings.Join(known, ", "))
}

func completed(c probe.Check) probe.Check {
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
		return fmt.Errorf("kind %q is none of dns, tcp, http, grpc", c.Kind)
	case c.Target.Host == "":
		return errors.New("neither a service nor a host is given")
	case c.Kind != probe.DNS && (c.Target.Port < 1 || c.Target.Port > 65535):
		return fmt.Errorf("port %d is not between 1 and 65535", c.Target.Port)
	case !slices.Contains([]string{"", "http", "https"}, c.Target.Scheme):
		return fmt.Errorf("scheme %q is neither http nor https", c.Target.Scheme)
	case c.Kind == probe.HTTP && c.Target.Path != "" && !strings.HasPrefix(c.Target.Path, "/"):
		return fmt.Errorf("path %q does not begin with /", c.Target.Path)
	case c.Expect.Status != 0 && (c.Expect.Status < 100 || c.Expect.Status > 599):
		return fmt.Errorf("status %d is not between 100 and 599", c.Expect.Status)
	case c.Timeout < 0 || c.Within < 0:
		return errors.New("a time is negative")
	}
	return nil
}

// link sets what each check needs: a health check its port, a port its name, a
// name the cluster's DNS; where such a check is left out, the one before it in
// that chain. Needs always lead to earlier checks.
func link(checks []probe.Check) []probe.Check {
	linked := slices.Clone(checks)
	for i := range linked {
		linked[i].Needs = nil
		if need := stepBefore(linked[:i], linked[i]); need != "" {
			linked[i].Needs = []string{need}
		}
	}
	return linked
}

func stepBefore(earlier []probe.Check, c probe.Check) string {
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
