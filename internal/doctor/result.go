package doctor

import (
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Result is one finding of a check.
type Result struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"` // if the status is not OK
}

// Report holds the results of all checks. docs/events.md documents its JSON form.
type Report struct {
	Environment string   `json:"environment"`
	Failed      int      `json:"failed"`
	Warnings    int      `json:"warnings"`
	Checks      []Result `json:"checks"`
}

// Err returns an error of class Environment if a check failed; warnings do not
// count.
func (r *Report) Err() error {
	if r.Failed == 0 {
		return nil
	}
	return fault.New(fault.Environment, fmt.Errorf("%d of %s failed", r.Failed, text.Plural(len(r.Checks), "check")), "")
}

func (r *Report) add(results ...Result) {
	for _, result := range results {
		switch result.Status {
		case Fail:
			r.Failed++
		case Warn:
			r.Warnings++
		}
		r.Checks = append(r.Checks, result)
	}
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Message: fmt.Sprintf(format, args...)}
}

func warn(fix, format string, args ...any) Result {
	return Result{Status: Warn, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func fail(fix, format string, args ...any) Result {
	return Result{Status: Fail, Message: fmt.Sprintf(format, args...), Fix: fix}
}

func failErr(err error) Result { return fail(fault.HintOf(err), "%v", err) }
