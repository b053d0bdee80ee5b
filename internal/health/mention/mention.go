// Package mention finds references between workloads.
package mention

import (
	"regexp"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Host reports whether the containers of a pod address name as a host: in their
// environment, command or arguments. Values from ConfigMaps and Secrets are not
// known.
func Host(spec corev1.PodSpec, name string) bool {
	name = regexp.QuoteMeta(name) + `(\.[a-z0-9.-]+)?`
	address := regexp.MustCompile(`(//|@)` + name + `($|[^a-z0-9-])|(^|[^a-z0-9.-])` + name + `:\d`)
	alone := regexp.MustCompile(`^` + name + `$`)
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if slices.ContainsFunc(slices.Concat(c.Command, c.Args), address.MatchString) {
			return true
		}
		for _, e := range c.Env {
			if alone.MatchString(e.Value) || address.MatchString(e.Value) {
				return true
			}
		}
	}
	return false
}
