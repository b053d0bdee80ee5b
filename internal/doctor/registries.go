package doctor

import (
	"context"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/deploy"
	"tkdeploy.dev/tkdeploy/internal/images"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// checkRegistries returns a result for the local images, and one for each registry
// that must provide others.
func checkRegistries(ctx context.Context, s *deploy.Session) []Result {
	builder, err := s.Builder(ctx)
	if err != nil {
		return []Result{failErr(err)}
	}
	set := s.Workspace.AppImages()
	all, err := builder.CheckRemote(ctx, slices.Concat(s.Workspace.NodeImage().Sources, set.Bases, set.Sources))
	if err != nil {
		return []Result{failErr(err)}
	}
	local := 0
	absent := map[string][]images.RemoteStatus{}
	var registries []string
	for _, image := range all {
		if image.Local {
			local++
			continue
		}
		registries = text.AppendUnique(registries, image.Registry)
		absent[image.Registry] = append(absent[image.Registry], image)
	}
	results := []Result{ok("the engine has %d of %s", local, text.Plural(len(all), "external image"))}
	slices.Sort(registries)
	for _, name := range registries {
		result := checkRegistry(absent[name])
		result.Name = "registry " + name
		results = append(results, result)
	}
	return results
}

func checkRegistry(absent []images.RemoteStatus) Result {
	var available, built, missing []string
	var reason error
	for _, image := range absent {
		switch {
		case image.Err == nil:
			available = append(available, image.Source.Name)
			continue
		case image.Source.Recipe != "":
			built = append(built, image.Source.Name)
		default:
			missing = append(missing, image.Source.Name)
		}
		if reason == nil || image.Source.Recipe == "" {
			reason = image.Err
		}
	}
	if len(missing) > 0 {
		return fail("pull, load or tag the images, or configure a recipe (recipe:)",
			"no source for %s: %v", strings.Join(missing, ", "), reason)
	}
	if len(built) > 0 {
		return warn("no action needed if the package mirrors are reachable; otherwise pull the images or fix access to the registry",
			"%s will be built from a recipe: %v", strings.Join(built, ", "), reason)
	}
	return ok("provides %s", strings.Join(available, ", "))
}
