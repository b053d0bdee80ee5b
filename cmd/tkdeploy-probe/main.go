// Command tkdeploy-probe runs in the smoke test's pod: it asks the checks of the
// environment variable TKDEPLOY_CHECKS and writes a line for each answer. It is
// a program of its own to be small: without the libraries that tkdeploy has, it
// is in a new cluster sooner and starts at once. Arguments mean nothing to it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tkdeploy-probe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	checks, err := probe.Unpack(os.Getenv(probe.EnvChecks))
	if err != nil {
		return fmt.Errorf("%w (this program is for the pod of the smoke test: tkdeploy verify)", err)
	}
	return probe.Run(ctx, checks, os.Stdout)
}
