package nodeload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// send streams the images to the node and verifies that it lists them.
func send(ctx context.Context, t *transfer, e *export, progress transferProgress) error {
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := e.writeArchive(writer, t, progress)
		writer.CloseWithError(err)
		written <- err
	}()
	var out bytes.Buffer
	err := t.node.Run(ctx, reader, &out, importCommand(t, e)...)
	reader.CloseWithError(errNodeDone)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, errNodeDone) {
		err = writeErr
	}
	if err != nil {
		return fmt.Errorf("load images into node %s: %w", t.node.Name(), err)
	}
	var problems []error
	for _, i := range missingImages(parseRecords(out.Bytes()), t.images) {
		problems = append(problems, fmt.Errorf("node %s imported image %s but does not list it", t.node.Name(), i.Ref))
	}
	return errors.Join(problems...)
}

// errNodeDone ends the archive if the node stops reading.
var errNodeDone = errors.New("the node stopped reading")

func importCommand(t *transfer, e *export) []string {
	local := ""
	if t.have.local {
		local = "--local"
	}
	command := []string{"sh", "-c", importScript, "sh", t.have.snapshotter, local, nameFilter(t.images, nil)}
	for _, i := range t.images {
		command = append(command, i.Ref, labelID+"="+i.ID, labelManifest+"="+e.images[i.Ref].manifest.Digest.String())
	}
	return command
}
