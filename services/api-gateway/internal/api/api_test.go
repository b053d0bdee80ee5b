package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tkdeploy.dev/tiktok/internal/requestid"
	authv1 "tkdeploy.dev/tiktok/proto/auth/v1"
)

// backend is an auth-service that succeeds or returns err.
type backend struct {
	authv1.AuthServiceClient
	err error
}

var (
	aUser = &authv1.User{Id: "8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a", Username: "alice", Email: "alice@example.com",
		CreatedAt: timestamppb.New(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))}
	someTokens = &authv1.Tokens{AccessToken: "jwt", ExpiresIn: durationpb.New(15 * time.Minute), RefreshToken: "next"}
)

func (b backend) Register(context.Context, *authv1.RegisterRequest, ...grpc.CallOption) (*authv1.RegisterResponse, error) {
	return &authv1.RegisterResponse{User: aUser}, b.err
}

func (b backend) Login(context.Context, *authv1.LoginRequest, ...grpc.CallOption) (*authv1.LoginResponse, error) {
	return &authv1.LoginResponse{Tokens: someTokens}, b.err
}

func (b backend) Refresh(context.Context, *authv1.RefreshRequest, ...grpc.CallOption) (*authv1.RefreshResponse, error) {
	return &authv1.RefreshResponse{Tokens: someTokens}, b.err
}

func (b backend) GetUser(_ context.Context, r *authv1.GetUserRequest, _ ...grpc.CallOption) (*authv1.GetUserResponse, error) {
	if b.err == nil && r.GetId() != aUser.GetId() {
		return nil, fmt.Errorf("unexpected user %q", r.GetId())
	}
	return &authv1.GetUserResponse{User: aUser}, b.err
}

type verifier struct{}

func (verifier) Verify(token string) (string, error) {
	if token != "good" {
		return "", errors.New("not good")
	}
	return aUser.GetId(), nil
}

type limiter time.Duration

func (l limiter) Take(context.Context, string) time.Duration { return time.Duration(l) }

func newHandler(auth backend, wait time.Duration) http.Handler {
	a := &API{Auth: auth, Tokens: verifier{}, Limit: limiter(wait), ClientOf: func(*http.Request) string { return "client" },
		Metrics: NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.DiscardHandler)}
	mux := http.NewServeMux()
	a.Register(mux)
	return requestid.HTTP(a.Fallback(mux))
}

func loadDocument(t *testing.T) (*openapi3.T, routers.Router) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(Document)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

const (
	registration = `{"username":"alice","email":"alice@example.com","password":"correct horse"}`
	login        = `{"email":"alice@example.com","password":"correct horse"}`
	userBody     = `{"id":"8f14e45f-ceea-467f-9d3b-6f6d2f6b1f5a","username":"alice","email":"alice@example.com","created_at":"2026-01-02T03:04:05Z"}`
	tokensBody   = `{"access_token":"jwt","token_type":"Bearer","expires_in":900,"refresh_token":"next"}`
)

// Each case is also checked against openapi.yaml.
func TestAPI_Accounts(t *testing.T) {
	t.Parallel()
	_, router := loadDocument(t)
	invalid, err := status.New(codes.InvalidArgument, "x").WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "email", Description: "must be an email address"}}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, path, body string
		token                    string
		backend                  error
		wait                     time.Duration
		status                   int
		contains                 string
		header                   string // "Name: value"
	}{
		{name: "register", method: "POST", path: "/api/v1/auth/register", body: registration, status: 201, contains: userBody},
		{name: "login", method: "POST", path: "/api/v1/auth/login", body: login, status: 200, contains: tokensBody, header: "Cache-Control: no-store"},
		{name: "refresh", method: "POST", path: "/api/v1/auth/refresh", body: `{"refresh_token":"r"}`, status: 200, contains: tokensBody},
		{name: "me", method: "GET", path: "/api/v1/me", token: "Bearer good", status: 200, contains: userBody},
		{name: "lower-case scheme", method: "GET", path: "/api/v1/me", token: "bearer good", status: 200},
		{name: "me without a token", method: "GET", path: "/api/v1/me", status: 401, header: "WWW-Authenticate: Bearer"},
		{name: "me with a bad token", method: "GET", path: "/api/v1/me", token: "Bearer bad", status: 401, header: `WWW-Authenticate: Bearer error="invalid_token"`},
		{name: "me with another scheme", method: "GET", path: "/api/v1/me", token: "Basic good", status: 401},
		{name: "me of a deleted account", method: "GET", path: "/api/v1/me", token: "Bearer good", backend: status.Error(codes.NotFound, "no such user"), status: 404},
		{name: "taken email", method: "POST", path: "/api/v1/auth/register", body: registration, backend: status.Error(codes.AlreadyExists, "the email is taken"), status: 409, contains: `"detail":"the email is taken"`},
		{name: "invalid fields", method: "POST", path: "/api/v1/auth/register", body: registration, backend: invalid.Err(), status: 422, contains: `"errors":[{"field":"email","detail":"must be an email address"}]`},
		{name: "wrong password", method: "POST", path: "/api/v1/auth/login", body: login, backend: status.Error(codes.Unauthenticated, "wrong"), status: 401},
		{name: "rate limit", method: "POST", path: "/api/v1/auth/login", body: login, wait: 1500 * time.Millisecond, status: 429, header: "Retry-After: 2"},
		{name: "auth-service unavailable", method: "POST", path: "/api/v1/auth/login", body: login, backend: status.Error(codes.Unavailable, "10.1.2.3 refused"), status: 503, header: "Retry-After: 1"},
		{name: "auth-service timeout", method: "POST", path: "/api/v1/auth/login", body: login, backend: status.Error(codes.DeadlineExceeded, "x"), status: 504},
		{name: "internal error hides its cause", method: "POST", path: "/api/v1/auth/login", body: login, backend: status.Error(codes.Internal, "SELECT secret"), status: 500, contains: "request id"},
		{name: "openapi.yaml", method: "GET", path: "/openapi.yaml", status: 200, contains: "openapi: 3.0.3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
			if test.body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			if test.token != "" {
				request.Header.Set("Authorization", test.token)
			}
			response := httptest.NewRecorder()
			newHandler(backend{err: test.backend}, test.wait).ServeHTTP(response, request)
			body := response.Body.String()
			if response.Code != test.status || !strings.Contains(body, test.contains) {
				t.Fatalf("got %d %s, want %d with %s", response.Code, body, test.status, test.contains)
			}
			if name, value, ok := strings.Cut(test.header, ": "); ok && response.Header().Get(name) != value {
				t.Errorf("header %s: got %q, want %q", name, response.Header().Get(name), value)
			}
			if leak := "SELECT"; strings.Contains(body, leak) || strings.Contains(body, "10.1.2.3") {
				t.Errorf("the response shows internal details: %s", body)
			}
			checkDocumented(t, router, request, test.body, response)
		})
	}
}

func checkDocumented(t *testing.T, router routers.Router, request *http.Request, body string, response *httptest.ResponseRecorder) {
	t.Helper()
	route, params, err := router.FindRoute(request)
	if err != nil {
		t.Fatal(err)
	}
	request.Body = io.NopCloser(strings.NewReader(body))
	input := &openapi3filter.RequestValidationInput{Request: request, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(t.Context(), input); err != nil {
		t.Errorf("request does not match openapi.yaml: %v", err)
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.Code, Header: response.Header(),
		Body: io.NopCloser(strings.NewReader(response.Body.String())), Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	if err := openapi3filter.ValidateResponse(t.Context(), output); err != nil {
		t.Errorf("response does not match openapi.yaml: %v", err)
	}
}

func TestAPI_Routes(t *testing.T) {
	t.Parallel()
	t.Run("match openapi.yaml", func(t *testing.T) {
		t.Parallel()
		doc, _ := loadDocument(t)
		documented := map[string]bool{}
		for path, item := range doc.Paths.Map() {
			for method := range item.Operations() {
				documented[method+" "+path] = true
			}
		}
		routes := (&API{}).routes()
		for pattern := range routes {
			if !documented[pattern] {
				t.Errorf("%s is not in openapi.yaml", pattern)
			}
		}
		for pattern := range documented {
			if routes[pattern] == nil {
				t.Errorf("%s is only in openapi.yaml", pattern)
			}
		}
	})
}

func TestAPI_Problems(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, path, contentType, body string
		status                                int
		contains, allow                       string
	}{
		{"unknown path", "GET", "/api/v2/me", "", "", 404, "no route for GET /api/v2/me", ""},
		{"wrong method", "GET", "/api/v1/auth/login", "", "", 405, "no route for GET", "POST"},
		{"wrong content type", "POST", "/api/v1/auth/login", "text/plain", login, 415, "application/json", ""},
		{"incomplete JSON", "POST", "/api/v1/auth/login", "application/json", `{"email":`, 400, "ends too early", ""},
		{"empty body", "POST", "/api/v1/auth/login", "application/json", ``, 400, "ends too early", ""},
		{"unknown field", "POST", "/api/v1/auth/login", "application/json", `{"e-mail":"a"}`, 400, `unknown field \"e-mail\"`, ""},
		{"wrong type", "POST", "/api/v1/auth/login", "application/json", `{"email":1}`, 400, "email", ""},
		{"two values", "POST", "/api/v1/auth/login", "application/json; charset=utf-8", login + login, 400, "more than one", ""},
		{"large body", "POST", "/api/v1/auth/login", "application/json", `{"email":"` + strings.Repeat("a", maxBody) + `"}`, 413, "64 KiB", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), test.method, test.path, strings.NewReader(test.body))
			request.Header.Set("Content-Type", test.contentType)
			request.Header.Set(requestid.Header, "r1")
			response := httptest.NewRecorder()
			newHandler(backend{}, 0).ServeHTTP(response, request)
			body := response.Body.String()
			if response.Code != test.status || !strings.Contains(body, test.contains) || !strings.Contains(body, `"request_id":"r1"`) {
				t.Errorf("got %d %s, want %d with %s", response.Code, body, test.status, test.contains)
			}
			if got := response.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type: got %s, want application/problem+json", got)
			}
			if got := response.Header().Get("Allow"); got != test.allow {
				t.Errorf("Allow: got %q, want %q", got, test.allow)
			}
		})
	}
}
