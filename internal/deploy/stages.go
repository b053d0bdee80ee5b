package deploy

import (
	"context"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// The stages of up, in the order in which they are shown.
const (
	StageEngine  = "engine"
	StageBuild   = "build"
	StageCluster = "cluster"
	StageLoad    = "load"
	StageRelease = "release"
	StageRollout = "rollout"
	StageVerify  = "verify"

	StageDown = "down" // of the command of that name
)

// Run is one run of up, verify or rollback: a workspace and what the
// flags ask for.
type Run struct {
	*Workspace
	Values  []string // further values files
	Set     []string
	Timeout time.Duration // of rollout and of verify
	Verify  bool

	NoRollback bool // leave a failed revision for a look
	Revision   int  // to roll back to; 0 is the newest verified one
	written    int  // the revision that this run wrote; 0 is none

	images   []images.Image    // that it deploys; nil until the build's look or work is done
	seen     cluster.Status    // by the cluster's look
	running  *release.Deployed // nil until it is read, and after a write
	replaced time.Time         // when the app's pods were
	stock    images.Inventory  // what the load's look saw: to ask again is a good part of a small load
}

// UpPlan is the composition root: the only place that knows the order, and what
// each stage is made of. Building does not wait for the cluster, and nothing
// waits longer for it than it has to.
func (d *Run) UpPlan() (plan.Plan, error) {
	stages := []plan.Stage{
		{ID: StageEngine, Title: "Engine", Observe: d.observeEngine},
		{ID: StageBuild, Title: "Images", Needs: []string{StageEngine}, Observe: d.observeImages, Apply: d.makeImages},
		{ID: StageCluster, Title: "Cluster", Needs: []string{StageEngine}, Observe: d.observeCluster, Apply: d.makeCluster},
		{ID: StageLoad, Title: "Load", Needs: []string{StageBuild}, AfterMilestones: whileMade(cluster.NodesRunning), Observe: d.observeLoad, Apply: d.load},
		{ID: StageRelease, Title: "Release", Needs: []string{StageBuild}, ApplyNeeds: []string{StageLoad}, AfterMilestones: whileMade(cluster.APIReady), Observe: d.observeRelease, Apply: d.apply},
		{ID: StageRollout, Title: "Rollout", Needs: []string{StageRelease, StageCluster}, ApplyNeeds: []string{StageLoad}, Observe: d.observeRollout, Apply: d.roll},
	}
	if d.Verify {
		stages = append(stages, d.verifyStage(StageVerify, StageRollout, StageLoad))
	}
	return plan.New(stages...)
}

// whileMade is for what need not wait for the whole of a new cluster.
func whileMade(milestone string) []plan.Milestone {
	return []plan.Milestone{{Stage: StageCluster, Name: milestone}}
}

func (d *Run) verifyStage(id string, needs ...string) plan.Stage {
	return plan.Stage{
		ID: id, Title: "Smoke test", Needs: needs,
		Observe: func(context.Context) (plan.Observation, error) {
			return plan.Observation{State: plan.Unknown, Reason: "asked anew in every run"}, nil
		},
		Apply: d.smokeTest,
	}
}
