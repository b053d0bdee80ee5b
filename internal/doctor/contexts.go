package doctor

import (
	"context"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// checkContexts warns of each build context that carries git's files or the
// configuration, because it has no ignore file.
func checkContexts(ctx context.Context, w *deploy.Workspace) []Result {
	found, err := carried(ctx, w)
	if err != nil {
		return []Result{failErr(err)}
	}
	var results []Result
	for _, c := range found {
		results = append(results, warn("if no image needs them, let `tkdeploy doctor --fix` write "+c.IgnoreFile,
			"each change of %s rebuilds %s", strings.Join(c.Lines, ", "), strings.Join(c.Images, ", ")))
	}
	if results == nil {
		results = append(results, ok("no image depends on git's files or the configuration"))
	}
	return results
}

// Fix does what is safe: it writes the ignore files that [Run] misses, and returns what
// it did, one text each. It replaces no file.
func Fix(ctx context.Context, w *deploy.Workspace) ([]string, error) {
	found, err := carried(ctx, w)
	var did []string
	for _, c := range found {
		if err := files.Write(c.IgnoreFile, []byte(strings.Join(c.Lines, "\n")+"\n"), 0o644); err != nil {
			return did, fault.New(fault.Environment, err, "")
		}
		did = append(did, "wrote "+c.IgnoreFile+": "+strings.Join(c.Lines, " "))
	}
	return did, err
}

func carried(ctx context.Context, w *deploy.Workspace) ([]inputs.Carried, error) {
	return inputs.CarriedIn(ctx, w.AppImages().Builds, w.Config.Files())
}
