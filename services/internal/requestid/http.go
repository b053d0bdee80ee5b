package requestid

import "net/http"

// HTTP reads the id from the request, or creates one, and adds it to the
// response.
func HTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := With(r.Context(), r.Header.Get(Header))
		w.Header().Set(Header, From(ctx))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
