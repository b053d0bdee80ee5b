package main

import (
	"bytes"
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// images returns no error for an unknown image, like containerd.
type images struct {
	runtime.UnimplementedImageServiceServer
}

func (images) ImageStatus(_ context.Context, request *runtime.ImageStatusRequest) (*runtime.ImageStatusResponse, error) {
	if request.Image.Image != "shop/web:1" && request.Image.Image != "sha256:1" {
		return &runtime.ImageStatusResponse{}, nil
	}
	return &runtime.ImageStatusResponse{Image: &runtime.Image{Id: "sha256:1", RepoTags: []string{"docker.io/shop/web:1"}}}, nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "cri.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	runtime.RegisterImageServiceServer(server, images{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	var out bytes.Buffer
	if err := run([]string{"inspecti", "sha256:1"}, "unix://"+socket, &out); err != nil {
		t.Fatal(err)
	}
	if want := `{"status":{"id":"sha256:1","repoTags":["docker.io/shop/web:1"],"repoDigests":null}}`; strings.TrimSpace(out.String()) != want {
		t.Errorf("got %s, want %s", out.String(), want)
	}
	out.Reset()
	if err := run([]string{"inspecti", "shop/web:2"}, "unix://"+socket, &out); err == nil || out.Len() > 0 {
		t.Errorf("unknown image: got error %v, output %q, want an error and no output", err, out.String())
	}
	if err := run([]string{"images"}, "unix://"+socket, &out); err == nil {
		t.Error("unknown command: got no error")
	}
}
