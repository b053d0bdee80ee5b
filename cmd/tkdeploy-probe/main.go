// Command tkdeploy-probe runs in the smoke test's pod. It runs the checks in the
// environment variable TKDEPLOY_CHECKS, prints a line for each result and ignores
// its arguments. It is separate from tkdeploy to be small: it loads into a new
// cluster faster.
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
		return fmt.Errorf("%w (tkdeploy verify starts this program in the cluster)", err)
	}
	return probe.Run(ctx, checks, os.Stdout)
}
