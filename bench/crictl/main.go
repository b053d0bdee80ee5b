// Command crictl is the part of cri-tools that `kind load` uses: crictl inspecti.
//
// kind asks a node with it whether an image is there already, and loads again
// what it cannot see. kindest/node has the real one. It is not served as a Go
// module, so the offline node image has none, and a benchmark against a kind
// that loads everything every time would be unfair. The benchmark mounts this
// into the nodes of its hand-made clusters; tkdeploy does not need it, so the
// offline node image stays as it is.
//
//	crictl inspecti IMAGE    an image's status as JSON; 1 if it is not there
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// socket is where containerd serves the CRI in a kind node.
const socket = "unix:///run/containerd/containerd.sock"

func main() {
	if err := run(os.Args[1:], socket, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func run(args []string, address string, out io.Writer) error {
	if len(args) != 2 || args[0] != "inspecti" {
		return errors.New("usage: crictl inspecti IMAGE; this is not the whole of cri-tools")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer conn.Close()
	answer, err := runtime.NewImageServiceClient(conn).ImageStatus(ctx, &runtime.ImageStatusRequest{
		Image: &runtime.ImageSpec{Image: args[1]},
	})
	if err != nil {
		return fmt.Errorf("ask for image %s: %w", args[1], err)
	}
	if answer.Image == nil {
		return fmt.Errorf("no such image %q present", args[1])
	}
	return json.NewEncoder(out).Encode(inspection{status{
		ID: answer.Image.Id, RepoTags: answer.Image.RepoTags, RepoDigests: answer.Image.RepoDigests,
	}})
}

// An inspection has the fields that kind reads (pkg/cluster/nodeutils/util.go).
type inspection struct {
	Status status `json:"status"`
}

type status struct {
	ID          string   `json:"id"`
	RepoTags    []string `json:"repoTags"`
	RepoDigests []string `json:"repoDigests"`
}
