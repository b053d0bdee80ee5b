package health

import (
	"encoding/json"
	"net/http"
)

// Report is the body of a readiness response.
type Report struct {
	Status       string       `json:"status"` // ready, degraded (an optional dependency is missing), unready or draining
	Dependencies []Dependency `json:"dependencies"`
}

// Dependency is an entry of a [Report]. Its error is only logged, because the
// endpoint is public.
type Dependency struct {
	Name     string `json:"name"`
	Reached  bool   `json:"reached"`
	Optional bool   `json:"optional,omitempty"`
}

// Register adds GET /health (readiness: 200 or 503) and GET /health/live
// (liveness: 200).
func (m *Monitor) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		report := m.Report()
		status := http.StatusOK
		if report.Status == "unready" || report.Status == "draining" {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, struct {
			Status string `json:"status"`
		}{"live"})
	})
}

// Report returns the current readiness.
func (m *Monitor) Report() Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	report := Report{Status: "ready", Dependencies: make([]Dependency, len(m.checks))}
	for i, check := range m.checks {
		reached := m.failures[i] == nil
		report.Dependencies[i] = Dependency{Name: check.Name, Reached: reached, Optional: check.Optional}
		switch {
		case !reached && !check.Optional:
			report.Status = "unready"
		case !reached && report.Status == "ready":
			report.Status = "degraded"
		}
	}
	if m.draining {
		report.Status = "draining"
	}
	return report
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
