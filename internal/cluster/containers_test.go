package cluster

import (
	"errors"
	"testing"
)

func TestCluster_containers(t *testing.T) {
	t.Parallel()
	inspects := 0
	docker := &fakeDocker{containers: []container{node(ownMount, true)}}
	docker.fail = func(args []string) error {
		if args[0] != "inspect" {
			return nil
		}
		if inspects++; inspects == 2 {
			docker.containers = nil
		}
		return errors.New("exit status 1: Error: No such object: 732785f0f7bc")
	}
	c := newCluster(t, docker, &fakeKind{})
	status, err := c.ObserveContainers(t.Context())
	if err != nil || status.Phase != Absent || inspects != 2 {
		t.Errorf("got %s, %v after %d inspections, want %s after 2", status.Phase, err, inspects, Absent)
	}
}
