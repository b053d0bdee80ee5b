// Command tkdeploy-probe runs the checks in the environment variable
// TKDEPLOY_CHECKS and prints one JSON line per result. It is separate from tkdeploy
// because a small image loads into a new cluster faster. With the argument "relay", it
// connects an engine to the registry of a load (internal/nodeload/relay). It ignores
// other arguments.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"tkdeploy.dev/tkdeploy/internal/nodeload/relay"
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
	if len(os.Args) == 2 && os.Args[1] == relay.Argument {
		return relay.Run(ctx, os.Stdin, os.Stdout)
	}
	checks, err := probe.Unpack(os.Getenv(probe.EnvChecks))
	if err != nil {
		return fmt.Errorf("%w (this program runs in the smoke test pod; use tkdeploy verify)", err)
	}
	return probe.Run(ctx, checks, os.Stdout)
}
