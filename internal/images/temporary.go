package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"

	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// temporaryTags match the tags of [temporaryRef].
var temporaryTags = regexp.MustCompile(`:building-([0-9a-f]{8})-(\d+)-[0-9a-f]+$`)

// temporaryRef returns the name of an image that is not verified yet. It contains
// this machine and process, so that a later run recognizes a leftover.
func temporaryRef(ref string) string {
	i := strings.LastIndex(ref, ":")
	return fmt.Sprintf("%s:building-%s-%d-%s", ref[:i], machine(), os.Getpid(), ref[i+1:])
}

func machine() string {
	host, _ := os.Hostname() // "" is as good: few machines share an engine
	return fmt.Sprintf("%x", sha256.Sum256([]byte(host)))[:8]
}

// removeLeftovers removes the images of killed runs of this machine. Errors do not
// matter, because the next run tries again.
func (b *Builder) removeLeftovers(ctx context.Context) {
	built := filters.NewArgs(filters.Arg("label", inputs.LabelInputs))
	var found []image.Summary
	err := b.engine.Call(ctx, func(ctx context.Context) (err error) {
		found, err = b.engine.API().ImageList(ctx, image.ListOptions{Filters: built})
		return err
	})
	if err != nil {
		return
	}
	for _, i := range found {
		for _, ref := range i.RepoTags {
			if isLeftover(ref) {
				_ = b.untag(ctx, ref)
			}
		}
	}
}

func isLeftover(ref string) bool {
	tag := temporaryTags.FindStringSubmatch(ref)
	if tag == nil || tag[1] != machine() {
		return false
	}
	pid, err := strconv.Atoi(tag[2])
	return err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

func (b *Builder) tag(ctx context.Context, from, to string) error {
	err := b.engine.Call(ctx, func(ctx context.Context) error { return b.engine.API().ImageTag(ctx, from, to) })
	if err != nil {
		return fmt.Errorf("tag image %s: %w", to, err)
	}
	return nil
}

func (b *Builder) untag(ctx context.Context, ref string) error {
	return b.engine.Call(ctx, func(ctx context.Context) error {
		_, err := b.engine.API().ImageRemove(ctx, ref, image.RemoveOptions{})
		return err
	})
}
