package api

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics measures requests.
type Metrics struct{ seconds *prometheus.HistogramVec }

// NewMetrics returns registered Metrics.
func NewMetrics(registerer prometheus.Registerer) *Metrics {
	m := &Metrics{seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Duration of requests, by route and status.",
	}, []string{"route", "status"})}
	registerer.MustRegister(m.seconds)
	return m
}

// observe logs and measures the requests of a route.
func (m *Metrics) observe(route string, log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusInternalServerError} // the default if the handler panics
		defer m.record(r, route, seen, time.Now(), log)
		next.ServeHTTP(seen, r)
	})
}

func (m *Metrics) record(r *http.Request, route string, seen *statusWriter, start time.Time, log *slog.Logger) {
	elapsed := time.Since(start)
	m.seconds.WithLabelValues(route, strconv.Itoa(seen.status)).Observe(elapsed.Seconds())
	log.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", seen.status, "elapsed_ms", elapsed.Milliseconds())
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap supports [http.ResponseController].
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
