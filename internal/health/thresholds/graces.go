package thresholds

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Graces are the shortest times that problems must last before they are fatal.
type Graces struct {
	Image    time.Duration // an image cannot be pulled
	Missing  time.Duration // a Secret, ConfigMap, claim or service account is missing
	Crash    time.Duration // a container keeps crashing
	Schedule time.Duration // no node or quota has room for a pod
	Probe    time.Duration // a probe uses a port that the started process does not listen on
}

// graceAnnotation is the prefix of the annotations that set a workload's graces.
const graceAnnotation = "tkdeploy.dev/grace-"

func (g *Graces) byName() map[string]*time.Duration {
	return map[string]*time.Duration{"image": &g.Image, "missing": &g.Missing, "crash": &g.Crash, "schedule": &g.Schedule, "probe": &g.Probe}
}

// Annotated returns the graces with those that annotations set, such as
// tkdeploy.dev/grace-crash: 2m. It returns an error that names an unknown or
// invalid annotation.
func (g Graces) Annotated(annotations map[string]string) (Graces, error) {
	known := g.byName()
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, graceAnnotation)
		if !ok {
			continue
		}
		grace := known[name]
		if grace == nil {
			return g, fmt.Errorf("unknown annotation %s: use %s", key, graceAnnotation+strings.Join(slices.Sorted(maps.Keys(known)), ", "+graceAnnotation))
		}
		d, err := time.ParseDuration(annotations[key])
		if err != nil || d < 0 {
			return g, fmt.Errorf("annotation %s: %q is not a duration such as 90s", key, annotations[key])
		}
		*grace = d
	}
	return g, nil
}
