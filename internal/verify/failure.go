package verify

import (
	"fmt"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// A Failure is the error of a smoke test in which checks or test hooks failed:
// one line for each, naming Service, URL and answer, or hook and step. Blocked
// checks are counted only.
type Failure struct {
	Failed  []probe.Result
	Blocked []probe.Result
	Hooks   []HookFailure
}

// Error has a line for every failed check, then what failed of the hooks.
func (f *Failure) Error() string {
	lines := make([]string, 0, len(f.Failed)+1)
	for _, r := range f.Failed {
		lines = append(lines, textOf(r))
	}
	if n := len(f.Blocked); n > 0 {
		lines = append(lines, fmt.Sprintf("%d more checks were not asked, since what they need failed", n))
	}
	for _, h := range f.Hooks {
		lines = append(lines, h.text())
	}
	return strings.Join(lines, "\n")
}

// textOf is "api-gateway: GET http://api-gateway:4000/health answered 500: …".
func textOf(r probe.Result) string {
	who := r.Check.Service
	switch {
	case r.ID == ClusterDNS:
		who = "cluster DNS"
	case who == "":
		who = r.ID
	}
	text := who + ": " + r.Message
	if r.Attempts > 1 {
		text += fmt.Sprintf(" (tried %d times)", r.Attempts)
	}
	if r.Cause != "" {
		text += "; " + r.Cause
	}
	return text
}

// verdict is nil if every check passed, else a [*Failure] with its class and,
// for each Service that failed, the command that shows more.
func (r *run) verdict() error {
	failure := &Failure{}
	var hints []string
	for _, result := range r.ordered() {
		switch result.Outcome {
		case probe.Failed:
			failure.Failed = append(failure.Failed, result)
			hints = text.AppendUnique(hints, r.lookAt(result))
		case probe.Blocked:
			failure.Blocked = append(failure.Blocked, result)
		}
	}
	if len(failure.Failed) == 0 {
		return nil
	}
	return fault.New(fault.Smoke, failure, strings.Join(hints, "\n"))
}

// lookAt is the command that shows more about a failed check.
func (r *run) lookAt(result probe.Result) string {
	service, namespace := serviceOf(result.Check, r.Namespace)
	switch {
	case result.ID == ClusterDNS:
		return r.Kubectl + " -n kube-system get pods -l k8s-app=kube-dns"
	case service == "":
		return ""
	case result.Reason == probe.NoName || result.Reason == probe.Refused || result.Reason == probe.NoConnection:
		return fmt.Sprintf("%s -n %s describe service %s", r.Kubectl, namespace, service)
	default:
		return fmt.Sprintf("%s -n %s logs service/%s --tail=20", r.Kubectl, namespace, service)
	}
}
