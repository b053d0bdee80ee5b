package requestid_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tkdeploy.dev/tiktok/internal/requestid"
)

func TestHTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sent string
		kept       bool
	}{
		{"keeps a valid id", "3f2c.a-b_c", true},
		{"creates a missing id", "", false},
		{"replaces an unsafe id", `x","level":"ERROR`, false},
		{"replaces a long id", strings.Repeat("x", 65), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var inside string
			handler := requestid.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				inside = requestid.From(r.Context())
			}))
			request := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			request.Header.Set(requestid.Header, test.sent)
			response := httptest.NewRecorder()
			handler.ServeHTTP(response, request)
			if inside == "" || response.Header().Get(requestid.Header) != inside {
				t.Errorf("got id %q in the handler and %q in the response", inside, response.Header().Get(requestid.Header))
			}
			if (inside == test.sent) != test.kept {
				t.Errorf("sent %q, got %q, want kept %t", test.sent, inside, test.kept)
			}
		})
	}
}
