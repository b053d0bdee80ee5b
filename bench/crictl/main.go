// Command crictl implements the part of cri-tools that `kind load` uses.
//
//	crictl inspecti IMAGE    print the image's status as JSON; exit code 1 if not found
//
// Without crictl, `kind load` loads every image every time. kindest/node contains it; the
// offline node image does not, because cri-tools is not available as a Go module. For a
// fair comparison, the nodes of arms hand and naive get this program.
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

// socket is the CRI endpoint of containerd in a kind node.
const socket = "unix:///run/containerd/containerd.sock"

func main() {
	if err := run(os.Args[1:], socket, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func run(args []string, address string, out io.Writer) error {
	if len(args) != 2 || args[0] != "inspecti" {
		return errors.New("usage: crictl inspecti IMAGE; other crictl commands are not implemented")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer conn.Close()
	response, err := runtime.NewImageServiceClient(conn).ImageStatus(ctx, &runtime.ImageStatusRequest{
		Image: &runtime.ImageSpec{Image: args[1]},
	})
	if err != nil {
		return fmt.Errorf("read status of image %s: %w", args[1], err)
	}
	if response.Image == nil {
		return fmt.Errorf("no such image %q present", args[1])
	}
	return json.NewEncoder(out).Encode(inspection{status{
		ID: response.Image.Id, RepoTags: response.Image.RepoTags, RepoDigests: response.Image.RepoDigests,
	}})
}

// inspection contains the fields that kind reads (pkg/cluster/nodeutils/util.go).
type inspection struct {
	Status status `json:"status"`
}

type status struct {
	ID          string   `json:"id"`
	RepoTags    []string `json:"repoTags"`
	RepoDigests []string `json:"repoDigests"`
}
