package images

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tonistiigi/fsutil"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/images/inputs"
)

// recipeGrace is how long a canceled recipe may clean up. The run must end
// within 10 s of an interrupt.
const recipeGrace = 5 * time.Second

// recipeHash hashes the recipe's directory and the paths in its file "inputs",
// one per line, relative to the directory.
func recipeHash(ctx context.Context, cache *inputs.LookupCache, recipe string) (string, error) {
	roots := []string{"."}
	text, err := files.Read(filepath.Join(recipe, "inputs"), files.ConfigLimit)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Config, fmt.Errorf("read recipe: %w", err), "")
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			roots = append(roots, line)
		}
	}
	h := sha256.New()
	for _, root := range roots {
		lines, err := recipeLines(ctx, cache, filepath.Join(recipe, root))
		if err != nil {
			return "", fault.New(fault.Config, fmt.Errorf("read recipe %s: %w", recipe, err), "")
		}
		fmt.Fprintf(h, "%q\n%s\n", root, strings.Join(lines, "\n"))
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

func recipeLines(ctx context.Context, cache *inputs.LookupCache, path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	var filter fsutil.FilterOpt
	if !info.IsDir() {
		filter.IncludePatterns = []string{filepath.Base(path)}
		path = filepath.Dir(path)
	}
	return cache.ListFiles(ctx, path, filter)
}

func (b *Builder) buildByRecipe(ctx context.Context, s Source, hash string, reporter event.Reporter) error {
	if err := b.runRecipe(ctx, s, hash, reporter); err != nil {
		return err
	}
	image, err := b.engine.Inspect(ctx, s.Ref)
	switch {
	case err != nil:
		return err
	case image == nil:
		return b.recipeError(ctx, s, "it succeeded but did not create the image", nil)
	case image.Config == nil || image.Config.Labels[inputs.LabelRecipe] != hash:
		return b.recipeError(ctx, s, "the image lacks the label "+inputs.LabelRecipe+"=$TKDEPLOY_RECIPE", nil)
	}
	return b.checkRecipe(ctx, s, hash)
}

// checkRecipe removes the image if the recipe changed while it ran, because its
// label names another recipe.
func (b *Builder) checkRecipe(ctx context.Context, s Source, hash string) error {
	after, err := recipeHash(ctx, inputs.NewLookupCache(b.engine), s.Recipe)
	if err == nil && after == hash {
		return nil
	}
	problem := "its files changed while it ran; run tkdeploy again"
	if err := b.untag(context.WithoutCancel(ctx), s.Ref); err != nil {
		problem += fmt.Sprintf("; removing the image failed: %v", err)
	}
	return b.recipeError(ctx, s, problem, nil)
}

// runRecipe runs `build REF` in its own process group. If ctx is done, the
// group gets SIGTERM, then SIGKILL.
func (b *Builder) runRecipe(ctx context.Context, s Source, hash string, reporter event.Reporter) error {
	path, err := filepath.Abs(filepath.Join(s.Recipe, "build"))
	if err != nil {
		return err
	}
	log := &lineLog{keep: lastLines, each: func(line string) {
		reporter.Report(event.Progress(s.Name, line))
	}}
	cmd := exec.CommandContext(ctx, path, s.Ref)
	cmd.Dir = s.Recipe
	cmd.Env = append(append(cmd.Environ(), b.engine.Environ()...), "TKDEPLOY_RECIPE="+hash)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = recipeGrace
	err = cmd.Run()
	log.flush()
	if ctx.Err() != nil {
		killGroup(cmd)
		return ctx.Err()
	}
	if err != nil {
		return b.recipeError(ctx, s, err.Error(), log.lines)
	}
	return nil
}

func killGroup(cmd *exec.Cmd) {
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}

func (b *Builder) recipeError(ctx context.Context, s Source, problem string, lines []string) error {
	err := fmt.Errorf("build image %s with recipe %s: %s%s", s.Ref, s.Recipe, problem, indent(lines))
	return fault.New(fault.Build, err, b.diskHint(ctx, err))
}
