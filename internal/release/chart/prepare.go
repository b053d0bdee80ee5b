package chart

import (
	"fmt"

	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Prepare loads the chart and layers the values. It returns all problems with the values
// as one error of class [fault.Config].
func Prepare(d Desired) (*Prepared, error) {
	p, err := assemble(d)
	if err != nil {
		return nil, err
	}
	problems, err := p.checkValues()
	if err != nil {
		return nil, err
	}
	return p, fault.New(fault.Config, problems.Err(), "")
}

func (p *Prepared) checkValues() (strictyaml.Problems, error) {
	problems := append(p.problems, p.unknownKeys()...)
	if len(p.problems) > 0 {
		return problems, nil // conflicting layers cannot be validated
	}
	c, err := copyChart(p.chart)
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", p.desired.Chart, err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, p.values); err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read chart %s: %w", p.desired.Chart, err), "")
	}
	values, err := chartutil.CoalesceValues(c, p.values)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("layer values: %w", err), "")
	}
	for _, problem := range p.schemaProblems(c, values) {
		if !contains(problems, problem) {
			problems = append(problems, problem)
		}
	}
	return problems, nil
}

// contains ignores the hint.
func contains(problems strictyaml.Problems, p strictyaml.Problem) bool {
	for _, old := range problems {
		old.Hint = p.Hint
		if old == p {
			return true
		}
	}
	return false
}
