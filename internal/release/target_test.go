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

// past writes a history as words: "superseded+" is a verified revision, and a
// letter after a slash is its manifest.
func past(words string) []*release.Release {
	var history []*release.Release
	for i, word := range strings.Fields(words) {
		status, manifest, _ := strings.Cut(word, "/")
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
		history string
		asked   int
		want    int // 0: there is none
		skipped string
	}{
		"the verified one before":                    {"superseded+ deployed", 0, 1, ""},
		"a failed and an unverified one are skipped": {"superseded+ superseded failed deployed", 0, 1, "revision 3 (failed), revision 2 (not verified)"},
		"the newest of several":                      {"superseded+ superseded+ deployed", 0, 2, ""},
		"an upgrade that Helm could not do":          {"superseded+ deployed+ failed", 0, 2, ""},
		"an interrupted run":                         {"deployed+ pending-upgrade", 0, 1, ""},
		"the same objects are no way back":           {"superseded+/a superseded+/b superseded deployed+/b", 0, 1, "revision 3 (not verified), revision 2 (identical to the current one)"},
		"an interrupted rollback is taken up":        {"superseded+/a superseded deployed/a", 0, 1, "revision 2 (not verified)"},
		"a verified one that failed later is none":   {"failed+ deployed", 0, 0, "revision 1 (failed)"},
		"none is verified":                           {"superseded deployed", 0, 0, "revision 1 (not verified)"},
		"only one revision":                          {"deployed+", 0, 0, ""},
		"no release":                                 {"", 0, 0, ""},
		"an uninstalled release":                     {"superseded+ uninstalled", 0, 0, ""},
		"one that is asked for":                      {"superseded superseded+ deployed", 1, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := chooseTarget(past(test.history), test.asked)
			if test.want == 0 {
				if !errors.Is(err, ErrNoTarget) || !strings.Contains(err.Error(), test.skipped) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || got.release.Version != test.want || strings.Join(got.skipped, ", ") != test.skipped {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestTarget_pick(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int]string{3: "revision 3 is the newest", 7: "revision 7 not found: stored revisions are 1, 2, 3"} {
		_, err := chooseTarget(past("superseded+ superseded deployed"), asked)
		if fault.ClassOf(err) != fault.Rollback || !strings.Contains(err.Error(), want) || errors.Is(err, ErrNoTarget) {
			t.Errorf("%d: %v", asked, err)
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
		"the oldest goes":               {"superseded+ superseded+ deployed+", []int{1}},
		"the newest verified one stays": {"superseded+ superseded superseded deployed", []int{2, 3}},
		"the deployed one stays":        {"superseded deployed failed failed", []int{1, 3}},
		"a failure too many":            {"superseded+ deployed failed failed failed", []int{3, 4, 5}},
	} {
		if got := excessRevisions(past(test.history), 3); !slices.Equal(got, test.want) {
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
		t.Errorf("%v, %v", lost, err)
	}
}
