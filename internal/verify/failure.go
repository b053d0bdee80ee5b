package verify

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/checks"
	"tkdeploy.dev/tkdeploy/internal/verify/hooks"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// Failure is the error of a smoke test with failed checks or hooks.
type Failure struct {
	Failed  []probe.Result
	Blocked []probe.Result
	Hooks   []hooks.Failure
	Hints   []string
}

// Error lists the failed checks, the number of blocked checks, and the failed hooks.
func (f *Failure) Error() string {
	lines := make([]string, 0, len(f.Failed)+1)
	for _, r := range f.Failed {
		lines = append(lines, describe(r))
	}
	if n := len(f.Blocked); n > 0 {
		lines = append(lines, text.Plural(n, "more check")+" skipped because a dependency failed")
	}
	for _, h := range f.Hooks {
		lines = append(lines, h.String())
	}
	return strings.Join(lines, "\n")
}

func (f *Failure) classified() error {
	return fault.New(fault.Smoke, f, strings.Join(f.Hints, "\n"))
}

// describe formats a failed check:
// "api-gateway: GET http://api-gateway:4000/health returned 500: …".
func describe(r probe.Result) string {
	subject := r.Check.Service
	switch {
	case r.ID == checks.ClusterDNS:
		subject = "cluster DNS"
	case subject == "":
		subject = r.ID
	}
	description := subject + ": " + r.Message
	if r.Attempts > 1 {
		description += fmt.Sprintf(" (%d attempts)", r.Attempts)
	}
	if r.Cause != "" {
		description += "; " + r.Cause
	}
	return description
}

// verdict returns a [*Failure] with a hint per Service, or nil.
func (r *Runner) verdict(results []probe.Result) error {
	failure := &Failure{}
	for _, result := range results {
		switch result.Outcome {
		case probe.Failed:
			failure.Failed = append(failure.Failed, result)
			failure.Hints = text.AppendUnique(failure.Hints, r.inspectCommand(result))
		case probe.Blocked:
			failure.Blocked = append(failure.Blocked, result)
		}
	}
	if len(failure.Failed) == 0 {
		return nil
	}
	return failure.classified()
}

func (r *Runner) inspectCommand(result probe.Result) string {
	kubectl := r.options.Kubectl
	service, namespace := serviceOf(result.Check, r.options.Namespace)
	switch {
	case result.ID == checks.ClusterDNS:
		return kubectl + " -n kube-system get pods -l k8s-app=kube-dns"
	case service == "":
		return ""
	case result.Reason == probe.Unresolved || result.Reason == probe.Refused || result.Reason == probe.Unreachable:
		return fmt.Sprintf("%s -n %s describe service %s", kubectl, namespace, service)
	default:
		return fmt.Sprintf("%s -n %s logs service/%s --tail=20", kubectl, namespace, service)
	}
}
