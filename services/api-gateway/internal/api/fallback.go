package api

import "net/http"

// Fallback serves mux, and replaces its plain-text 404 and 405 by problem
// documents.
func (a *API) Fallback(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &refusal{header: http.Header{}}
		refuse.ServeHTTP(refusal, r)
		p := newProblem(refusal.status, "no route for "+r.Method+" "+r.URL.Path)
		if allow := refusal.header.Get("Allow"); allow != "" {
			p.header.Set("Allow", allow)
		}
		a.writeError(w, r, p)
	})
}

// refusal records mux's response without its text.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header            { return r.header }
func (r *refusal) Write(text []byte) (int, error) { return len(text), nil }
func (r *refusal) WriteHeader(status int)         { r.status = status }
