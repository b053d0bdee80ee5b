package health

import (
	"time"

	"tkdeploy.dev/tkdeploy/internal/health/thresholds"
)

// Thresholds decide when a cause is fatal and when a workload is ready.
type Thresholds = thresholds.Thresholds

// Graces are the lower limits of [Thresholds] that a user sets.
type Graces = thresholds.Graces

// DefaultThresholds returns tkdeploy's thresholds.
func DefaultThresholds() Thresholds { return thresholds.Default() }

// graceOf returns the grace that a user set for a reason, or 0.
func graceOf(g Graces, reason Reason) time.Duration {
	switch reason {
	case ImagePull, ImageNeverPull:
		return g.Image
	case CreateContainerConfig, MissingVolumeObject, VolumeClaimPending, PodRefused:
		return g.Missing
	case CrashLoop, LivenessFailed, OOMKilled, BadCommand:
		return g.Crash
	case Unschedulable, QuotaExceeded:
		return g.Schedule
	case NotReady:
		return g.Probe
	}
	return 0
}

// graces ignores invalid annotations: the chart is checked before it is applied.
func (d *diagnoser) graces() Graces {
	graces := d.thresholds.Graces
	if d.workload != nil {
		graces, _ = graces.Annotated(d.workload.GetAnnotations())
	}
	return graces
}
