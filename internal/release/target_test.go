package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/release"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// parseHistory parses statuses such as "superseded+/a": "+" marks a verified revision,
// the letter is its manifest.
func parseHistory(statuses string) []*release.Release {
	var history []*release.Release
	for i, field := range strings.Fields(statuses) {
		status, manifest, _ := strings.Cut(field, "/")
		rel := &release.Release{Version: i + 1, Manifest: manifest, Labels: map[string]string{}, Info: &release.Info{}}
		if manifest == "" {
			rel.Manifest = fmt.Sprint(i)
		}
		if name, verified := strings.CutSuffix(status, "+"); verified {
			status, rel.Labels[LabelVerified] = name, "true"
		}
		rel.Info.Status = release.Status(status)
		history = append(history, rel)
	}
	return history
}

func TestChooseTarget(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		history  string
		revision int
		want     int // 0 for none
		skipped  string
	}{
		"previous verified revision":            {"superseded+ deployed", 0, 1, ""},
		"skips failed and unverified revisions": {"superseded+ superseded failed deployed", 0, 1, "revision 3 (failed), revision 2 (not verified)"},
		"newest of several":                     {"superseded+ superseded+ deployed", 0, 2, ""},
		"failed upgrade":                        {"superseded+ deployed+ failed", 0, 2, ""},
		"interrupted run":                       {"deployed+ pending-upgrade", 0, 1, ""},
		"skips the same objects":                {"superseded+/a superseded+/b superseded deployed+/b", 0, 1, "revision 3 (not verified), revision 2 (identical to the current one)"},
		"resumes an interrupted rollback":       {"superseded+/a superseded deployed/a", 0, 1, "revision 2 (not verified)"},
		"verified revision that failed later":   {"failed+ deployed", 0, 0, "revision 1 (failed)"},
		"none verified":                         {"superseded deployed", 0, 0, "revision 1 (not verified)"},
		"only one revision":                     {"deployed+", 0, 0, ""},
		"no release":                            {"", 0, 0, ""},
		"uninstalled release":                   {"superseded+ uninstalled", 0, 0, ""},
		"given revision":                        {"superseded superseded+ deployed", 1, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chooseTarget(parseHistory(test.history), test.revision)
			if test.want == 0 {
				if !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), test.skipped) {
					t.Errorf("got %v, want %v with %q", err, ErrNoTarget, test.skipped)
				}
				return
			}
			if err != nil || got.release.Version != test.want || strings.Join(got.skipped, ", ") != test.skipped {
				t.Errorf("got %+v, %v, want revision %d, skipped %q", got, err, test.want, test.skipped)
			}
		})
	}
}

func TestTarget_pick(t *testing.T) {
	t.Parallel()
	for revision, want := range map[int]string{3: "revision 3 is the newest", 7: "revision 7 not found: stored revisions are 1, 2, 3"} {
		_, err := chooseTarget(parseHistory("superseded+ superseded deployed"), revision)
		if fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNoTarget) {
			t.Errorf("%d: got %v, want %s", revision, err, want)
		}
	}
}

func TestExcessRevisions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		history string
		want    []int
	}{
		"within the limit":              {"superseded+ deployed", nil},
		"deletes the oldest":            {"superseded+ superseded+ deployed+", []int{1}},
		"keeps the newest verified one": {"superseded+ superseded superseded deployed", []int{2, 3}},
		"keeps the deployed one":        {"superseded deployed failed failed", []int{1, 3}},
		"several failures":              {"superseded+ deployed failed failed failed", []int{3, 4, 5}},
	} {
		if got := excessRevisions(parseHistory(test.history), 3); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestLostCRDs(t *testing.T) {
	t.Parallel()
	const crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: %s}\n---\n"
	const kept = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c, annotations: {helm.sh/resource-policy: keep}}\n---\n"
	lost, err := lostCRDs(fmt.Sprintf(crd, "a")+fmt.Sprintf(crd, "b")+kept+"apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", fmt.Sprintf(crd, "a"))
	if err != nil || !slices.Equal(lost, []string{"CustomResourceDefinition b"}) {
		t.Errorf("got %v, %v, want CustomResourceDefinition b", lost, err)
	}
}
