package server

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	monitor "tkdeploy.dev/tiktok/internal/health"
	"tkdeploy.dev/tiktok/internal/metrics"
)

// Operations returns a mux with GET /health, /health/live and /metrics.
func Operations(health *monitor.Monitor, registry *prometheus.Registry) *http.ServeMux {
	mux := http.NewServeMux()
	health.Register(mux)
	mux.Handle("GET /metrics", metrics.Handler(registry))
	return mux
}
