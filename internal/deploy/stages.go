package deploy

import (
	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/plan"
)

// UpPlan returns the plan of `tkdeploy up`. The build does not wait for the
// cluster; load and release wait only for the part of a new cluster that they need.
func (r *Run) UpPlan() (plan.Plan, error) {
	stages := []plan.Stage{
		{ID: StageEngine, Title: "Engine", Observe: r.observeEngine},
		{ID: StageBuild, Title: "Build", Needs: []string{StageEngine}, Observe: r.observeBuild, Apply: r.build},
		{ID: StageCluster, Title: "Cluster", Needs: []string{StageEngine}, Observe: r.observeCluster, Apply: r.session.ensureCluster},
		{ID: StageLoad, Title: "Load", Needs: []string{StageBuild}, AfterMilestones: afterMilestone(cluster.NodesRunning), Observe: r.observeLoad, Apply: r.session.loadImages},
		{ID: StageRelease, Title: "Release", Needs: []string{StageBuild}, ApplyNeeds: []string{StageLoad}, AfterMilestones: afterMilestone(cluster.APIReady), Observe: r.observeRelease, Apply: r.applyRelease},
		{ID: StageRollout, Title: "Rollout", Needs: []string{StageRelease, StageCluster}, ApplyNeeds: []string{StageLoad}, Observe: r.observeRollout, Apply: r.rollOut},
	}
	if r.options.Verify {
		stages = append(stages, r.verifyStage(StageVerify, StageRollout, StageLoad))
	}
	return plan.New(stages...)
}

// VerifyPlan returns the plan of `tkdeploy verify`.
func (r *Run) VerifyPlan() (plan.Plan, error) {
	return plan.New(r.verifyStage(StageVerify))
}

func afterMilestone(name string) []plan.Milestone {
	return []plan.Milestone{{Stage: StageCluster, Name: name}}
}
