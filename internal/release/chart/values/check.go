package values

import (
	"slices"

	helmchart "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Rules decide about keys that nothing in the chart reads.
type Rules struct {
	// Strict makes all of them errors, or with false none. By default, those are errors
	// that are similar to a key that the chart reads: probably typos.
	Strict *bool
	Open   []string // values paths below which any key is accepted
}

// Findings are the results of [Values.Check].
type Findings struct {
	Problems strictyaml.Problems
	Warnings strictyaml.Problems
}

// Check checks the values. It modifies c, a copy of the chart. An error means that Helm
// cannot process the chart's dependencies.
func (v *Values) Check(c *helmchart.Chart, rules Rules) (Findings, error) {
	found := Findings{Problems: v.problems}
	found.add(v.unknownKeys(rules))
	if len(v.problems) > 0 {
		return found, nil // conflicting layers cannot be validated
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, v.config); err != nil {
		return Findings{}, err
	}
	merged, err := chartutil.CoalesceValues(c, v.config)
	if err != nil {
		return Findings{}, err
	}
	found.add(v.checkSchemas(c, merged, nil))
	found.Problems, found.Warnings = found.Problems.Sorted(), found.Warnings.Sorted()
	return found, nil
}

// add adds findings that are not known yet.
func (f *Findings) add(more Findings) {
	for _, problem := range more.Problems {
		if !contains(f.Problems, problem) {
			f.Problems = append(f.Problems, problem)
		}
	}
	f.Warnings = append(f.Warnings, more.Warnings...)
}

// contains ignores the hint.
func contains(problems strictyaml.Problems, p strictyaml.Problem) bool {
	return slices.ContainsFunc(problems, func(old strictyaml.Problem) bool {
		old.Hint = p.Hint
		return old == p
	})
}
