package api

import "net/http"

// Fallback serves mux, and answers what mux has no route for with a problem
// document instead of plain text: 404, or 405 with the methods that there are.
func (a *API) Fallback(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &refusal{header: http.Header{}}
		refuse.ServeHTTP(refusal, r)
		p := newProblem(refusal.status, "there is no "+r.Method+" "+r.URL.Path)
		if allow := refusal.header.Get("Allow"); allow != "" {
			p.header.Set("Allow", allow)
		}
		a.answerError(w, r, p)
	})
}

// refusal takes mux's own answer and drops its text.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header            { return r.header }
func (r *refusal) Write(text []byte) (int, error) { return len(text), nil }
func (r *refusal) WriteHeader(status int)         { r.status = status }
