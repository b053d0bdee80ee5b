package chart

import (
	"fmt"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/release/chart/values"
)

// Prepare loads the chart and layers the values. It returns all problems with the values
// as one error of class [fault.Config].
func Prepare(d Desired) (*Prepared, error) {
	p, err := assemble(d)
	if err != nil {
		return nil, err
	}
	c, err := copyChart(p.chart)
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", d.Chart, err)
	}
	found, err := p.layered.Check(c, values.Rules{Strict: d.Strict, Open: d.Open})
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", d.Chart, err), "")
	}
	for _, warning := range found.Warnings {
		p.warnings = append(p.warnings, warning.String())
	}
	return p, fault.New(fault.Config, found.Problems.Err(), "")
}
