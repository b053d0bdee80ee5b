package nodeload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// send streams a node its images and asks it whether it has them.
func send(ctx context.Context, t *transfer, from *export, meters transferProgress) error {
	reader, writer := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := from.writeArchive(writer, t, meters)
		writer.CloseWithError(err)
		written <- err
	}()
	var out bytes.Buffer
	err := t.node.Run(ctx, reader, &out, importCommand(t, from)...)
	reader.CloseWithError(errNodeDone)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, errNodeDone) {
		err = writeErr
	}
	if err != nil {
		return fmt.Errorf("load images into node %s: %w", t.node.Name(), err)
	}
	var problems []error
	for _, i := range lacking(parseRecords(out.Bytes()), t.images) {
		problems = append(problems, fmt.Errorf("node %s imported image %s, but does not have it", t.node.Name(), i.Ref))
	}
	return errors.Join(problems...)
}

// errNodeDone ends the writing of an archive whose node reads no more.
var errNodeDone = errors.New("the node stopped reading")

func importCommand(t *transfer, from *export) []string {
	local := ""
	if t.have.local {
		local = "--local"
	}
	command := []string{"sh", "-c", importScript, "sh", t.have.snapshotter, local, byName(t.images, nil)}
	for _, i := range t.images {
		command = append(command, i.Ref, labelID+"="+i.ID, labelManifest+"="+from.images[i.Ref].manifest.Digest.String())
	}
	return command
}
