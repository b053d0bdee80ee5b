package kindnet

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeDocker answers commands by their beginning and records those that change
// something.
type fakeDocker struct {
	answers map[string]string
	errs    map[string]error
	changes []string
}

func (d *fakeDocker) Run(_ context.Context, _ io.Reader, stdout io.Writer, args ...string) error {
	line := strings.Join(args, " ")
	if strings.HasPrefix(line, "network create") || strings.HasPrefix(line, "network rm") {
		d.changes = append(d.changes, line)
	}
	for start, err := range d.errs {
		if strings.Contains(line, start) {
			return err
		}
	}
	for start, answer := range d.answers {
		if strings.HasPrefix(line, start) {
			_, err := io.WriteString(stdout, answer)
			return err
		}
	}
	return nil
}

const createArgs = "network create --driver bridge --label tkdeploy.dev/created-by=tkdeploy --opt com.docker.network.bridge.enable_ip_masquerade=true "

func TestCreate(t *testing.T) {
	for name, test := range map[string]struct {
		variable string
		docker   fakeDocker
		want     []string
	}{
		"labels the network and gives it kind's settings": {
			docker: fakeDocker{answers: map[string]string{"network inspect bridge": "1450\n"}},
			want:   []string{createArgs + "--opt com.docker.network.driver.mtu=1450 --ipv6 --subnet fc00:f853:ccd:e793::/64 kind"},
		},
		"omits IPv6 where the engine has none": {
			docker: fakeDocker{errs: map[string]error{"--ipv6": errors.New("Cannot read IPv6 setup for bridge")}},
			want:   []string{createArgs + "--ipv6 --subnet fc00:f853:ccd:e793::/64 kind", createArgs + "kind"},
		},
		"leaves other errors to kind": {
			docker: fakeDocker{errs: map[string]error{"--ipv6": errors.New("Pool overlaps with other one on this address space")}},
			want:   []string{createArgs + "--ipv6 --subnet fc00:f853:ccd:e793::/64 kind"},
		},
		"creates the network that the variable names": {
			variable: "shared",
			want:     []string{createArgs + "--ipv6 --subnet " + subnet("shared") + " shared"},
		},
		"keeps an existing network": {docker: fakeDocker{answers: map[string]string{"network ls": "0123\n"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KIND_EXPERIMENTAL_DOCKER_NETWORK", test.variable)
			Create(t.Context(), &test.docker)
			if diff := cmp.Diff(test.want, test.docker.changes); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRemoveUnused(t *testing.T) {
	const labeled = "network ls --filter label=tkdeploy.dev/created-by=tkdeploy"
	for name, test := range map[string]struct {
		answers map[string]string
		errs    map[string]error
		want    []string
		note    string
		err     bool
	}{
		"removes a network that nothing uses": {
			answers: map[string]string{labeled: "0123 kind\n"},
			want:    []string{"network rm 0123"},
		},
		"removes each of several networks that nothing uses": {
			answers: map[string]string{labeled: "0123 kind\n4567 shared\n", "ps --all --filter network=0123": "b-control-plane b\n"},
			want:    []string{"network rm 4567"},
		},
		"keeps networks without the label": {answers: map[string]string{"network ls --quiet": "89ab\n"}},
		"keeps a network that another cluster uses, without a note": {
			answers: map[string]string{labeled: "0123 kind\n", "ps --all --filter network=0123": "b-control-plane b\n"},
		},
		"keeps a network that another container uses, and names it": {
			answers: map[string]string{labeled: "0123 kind\n", "ps --all --filter network=0123": "b-control-plane b\nregistry \n"},
			note:    "Docker network kind remains: container registry uses it",
		},
		"ignores a container that was just attached": {
			answers: map[string]string{labeled: "0123 kind\n"},
			errs:    map[string]error{"network rm": errors.New("error while removing network: network kind id 0123 has active endpoints")},
			want:    []string{"network rm 0123"},
		},
		"reports other errors": {
			answers: map[string]string{labeled: "0123 kind\n"},
			errs:    map[string]error{"network rm": errors.New("permission denied")},
			want:    []string{"network rm 0123"},
			err:     true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docker := &fakeDocker{answers: test.answers, errs: test.errs}
			var note string
			err := RemoveUnused(t.Context(), docker, func(text string) { note = text })
			if (err != nil) != test.err || note != test.note {
				t.Errorf("got %v, note %q, want error: %t, note %q", err, note, test.err, test.note)
			}
			if diff := cmp.Diff(test.want, docker.changes); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
