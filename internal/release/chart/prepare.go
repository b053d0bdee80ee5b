package chart

import (
	"fmt"

	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// prepare is read with every problem of the values as error.
func Prepare(d Desired) (*Prepared, error) {
	p, err := read(d)
	if err != nil {
		return nil, err
	}
	problems, err := p.check()
	if err != nil {
		return nil, err
	}
	return p, fault.New(fault.Config, problems.Err(), "")
}

// check gives the problems of the values.
func (p *Prepared) check() (strictyaml.Problems, error) {
	problems := append(p.problems, p.unknownKeys()...)
	if len(p.problems) > 0 {
		return problems, nil // the layers do not fit: nothing to validate
	}
	c, err := reload(p.chart)
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
		if !told(problems, problem) {
			problems = append(problems, problem)
		}
	}
	return problems, nil
}

// told is true if the same was found before, perhaps with a better hint.
func told(problems strictyaml.Problems, p strictyaml.Problem) bool {
	for _, old := range problems {
		old.Hint = p.Hint
		if old == p {
			return true
		}
	}
	return false
}
