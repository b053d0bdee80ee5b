// Command journey tests the stack at GATEWAY_URL like a user and writes a TAP
// result for each step. It exits with code 1 if a step failed. See
// services/README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/journey/internal/gateway"
	"tkdeploy.dev/tiktok/journey/internal/journey"
	"tkdeploy.dev/tiktok/journey/internal/tap"
)

// limits are shorter than the pod's in the chart: 180s, and 30s to stop.
var limits = journey.Limits{Steps: 2 * time.Minute, Notification: 30 * time.Second, CleanUp: 20 * time.Second}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	passed, err := run(ctx, os.LookupEnv, os.Stdout)
	if err != nil {
		fmt.Fprintf(os.Stderr, "journey: %v\n", err)
	}
	if err != nil || !passed {
		os.Exit(1)
	}
}

func run(ctx context.Context, lookup func(string) (string, bool), out io.Writer) (passed bool, err error) {
	base, err := gatewayURL(lookup)
	if err != nil {
		return false, fmt.Errorf("read configuration:\n%w", err)
	}
	client := &gateway.Client{
		URL: base, Timeout: 10 * time.Second, RetryInterval: 500 * time.Millisecond, RetryTimeout: 10 * time.Second,
		HTTP: http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	j := &journey.Journey{Gateway: client, Limits: limits, Poll: 100 * time.Millisecond}
	results := tap.New(out, len(j.Names()))
	j.Run(ctx, results)
	return !results.Failed(), results.Err()
}

func gatewayURL(lookup func(string) (string, bool)) (string, error) {
	env := config.New(lookup)
	text := env.String("GATEWAY_URL")
	if err := env.Err(); err != nil {
		return "", err
	}
	base, err := url.Parse(text)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" {
		return "", errors.New(`GATEWAY_URL is not a URL such as "http://api-gateway:4000"`)
	}
	return strings.TrimSuffix(base.String(), "/"), nil
}
