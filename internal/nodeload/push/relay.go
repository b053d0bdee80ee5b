package push

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"tkdeploy.dev/tkdeploy/internal/engine"
	"tkdeploy.dev/tkdeploy/internal/nodeload/registry"
	"tkdeploy.dev/tkdeploy/internal/nodeload/relay"
)

// relayTimeout limits the start of the relay.
const relayTimeout = 20 * time.Second

// Relay serves the registry on the loopback address of the engine's machine, with a
// container of the engine's image of tkdeploy-probe. The container has that machine's
// network, because engines use plain HTTP only there. It ends with its standard input,
// so also if this process is killed.
func Relay(ctx context.Context, e *engine.Engine, image string, r *registry.Registry) (registry.Endpoint, error) {
	conn, err := startRelay(ctx, e, image)
	if err != nil {
		return registry.Endpoint{}, fmt.Errorf("start a relay: %w", err)
	}
	output, demultiplexed := io.Pipe()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, err := stdcopy.StdCopy(demultiplexed, io.Discard, conn.Reader)
		demultiplexed.CloseWithError(err)
	}()
	timer := time.AfterFunc(relayTimeout, conn.Close)
	address, stop, err := relay.Serve(output, conn.Conn, http.Handler(r))
	timer.Stop()
	end := func() {
		conn.Close()
		output.Close()
		<-copied
	}
	if err != nil {
		end()
		return registry.Endpoint{}, err
	}
	return registry.Endpoint{Address: address, Close: func() { stop(); end() }}, nil
}

// startRelay returns the standard streams of a new container, which removes itself.
func startRelay(ctx context.Context, e *engine.Engine, image string) (types.HijackedResponse, error) {
	var conn types.HijackedResponse
	err := e.Within(ctx, relayTimeout, func(ctx context.Context) error {
		created, err := e.API().ContainerCreate(ctx, &container.Config{
			Image: image, Cmd: []string{relay.Argument},
			AttachStdin: true, AttachStdout: true, AttachStderr: true, OpenStdin: true, StdinOnce: true,
		}, &container.HostConfig{
			NetworkMode: "host", AutoRemove: true, ReadonlyRootfs: true,
			LogConfig: container.LogConfig{Type: "none"}, // else the engine stores the layers as JSON
			CapDrop:   []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		}, nil, nil, "")
		if err != nil {
			return err
		}
		conn, err = e.API().ContainerAttach(ctx, created.ID, container.AttachOptions{Stream: true, Stdin: true, Stdout: true, Stderr: true})
		if err == nil {
			if err = e.API().ContainerStart(ctx, created.ID, container.StartOptions{}); err == nil {
				return nil
			}
			conn.Close()
		}
		_ = e.API().ContainerRemove(context.WithoutCancel(ctx), created.ID, container.RemoveOptions{Force: true})
		return err
	})
	return conn, err
}
