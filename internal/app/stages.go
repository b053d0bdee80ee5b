package app

import (
	"context"
	"time"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/nodeload"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/release"
)

// The stages of up, in the order in which they are shown.
const (
	stageEngine  = "engine"
	stageBuild   = "build"
	stageCluster = "cluster"
	stageLoad    = "load"
	stageRelease = "release"
	stageRollout = "rollout"
	stageVerify  = "verify"

	stageDown = "down" // of the command of that name
)

// deployment is one run of up, verify or rollback: a workspace and what the
// flags ask for.
type deployment struct {
	*workspace
	values  []string // further values files
	set     []string
	timeout time.Duration // of rollout and of verify
	verify  bool

	noRollback bool // leave a failed revision for a look
	revision   int  // to roll back to; 0 is the newest verified one
	written    int  // the revision that this run wrote; 0 is none

	images   []engine.Image     // that it deploys; nil until the build's look or work is done
	seen     cluster.Status     // by the cluster's look
	running  *release.Deployed  // nil until it is read, and after a write
	replaced time.Time          // when the app's pods were
	stock    nodeload.Inventory // what the load's look saw: to ask again is a good part of a small load
}

// stages is the composition root: the only place that knows the order, and what
// each stage is made of. Building does not wait for the cluster, and nothing
// waits longer for it than it has to.
func (d *deployment) stages() (plan.Plan, error) {
	stages := []plan.Stage{
		{ID: stageEngine, Title: "Engine", Observe: d.observeEngine},
		{ID: stageBuild, Title: "Images", Needs: []string{stageEngine}, Observe: d.observeImages, Apply: d.makeImages},
		{ID: stageCluster, Title: "Cluster", Needs: []string{stageEngine}, Observe: d.observeCluster, Apply: d.makeCluster},
		{ID: stageLoad, Title: "Load", Needs: []string{stageBuild}, AfterMilestones: whileMade(cluster.NodesRunning), Observe: d.observeLoad, Apply: d.load},
		{ID: stageRelease, Title: "Release", Needs: []string{stageBuild}, ApplyNeeds: []string{stageLoad}, AfterMilestones: whileMade(cluster.APIReady), Observe: d.observeRelease, Apply: d.apply},
		{ID: stageRollout, Title: "Rollout", Needs: []string{stageRelease, stageCluster}, ApplyNeeds: []string{stageLoad}, Observe: d.observeRollout, Apply: d.roll},
	}
	if d.verify {
		stages = append(stages, d.verifyStage(stageVerify, stageRollout, stageLoad))
	}
	return plan.New(stages...)
}

// whileMade is for what need not wait for the whole of a new cluster.
func whileMade(milestone string) []plan.Milestone {
	return []plan.Milestone{{Stage: stageCluster, Name: milestone}}
}

func (d *deployment) verifyStage(id string, needs ...string) plan.Stage {
	return plan.Stage{
		ID: id, Title: "Smoke test", Needs: needs,
		Observe: func(context.Context) (plan.Observation, error) {
			return plan.Observation{State: plan.Unknown, Reason: "asked anew in every run"}, nil
		},
		Apply: d.smokeTest,
	}
}
