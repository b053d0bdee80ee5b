//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

type user struct {
	base   string // gateway or frontend
	token  string // optional
	client *http.Client
}

func newUser(t *testing.T, name string) user {
	t.Helper()
	name = fmt.Sprintf("%s_%d", name, time.Now().UnixNano()%1e9)
	credentials := fmt.Sprintf(`"email":"%s@example.com","password":"correct horse"`, name)
	u := user{base: stackURL, client: &http.Client{Timeout: 15 * time.Second}}
	u.wantStatus(t, 201, "POST", "/api/v1/auth/register", `{"username":"`+name+`",`+credentials+`}`, nil)
	var tokens struct {
		Access string `json:"access_token"`
	}
	u.wantStatus(t, 200, "POST", "/api/v1/auth/login", `{`+credentials+`}`, &tokens)
	u.token = tokens.Access
	return u
}

func (u user) send(ctx context.Context, method, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.base+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if u.token != "" {
		request.Header.Set("Authorization", "Bearer "+u.token)
	}
	response, err := u.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// wantStatus decodes the body into result, unless that is nil.
func (u user) wantStatus(t *testing.T, status int, method, path, body string, result any) {
	t.Helper()
	code, text, err := u.send(t.Context(), method, path, body)
	if err != nil || code != status {
		t.Fatalf("%s %s: got %d %s, error %v, want %d", method, path, code, text, err, status)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		t.Fatalf("%s %s: decode response: %v: %s", method, path, err, text)
	}
}

func (u user) postVideo(t *testing.T, title string) string {
	t.Helper()
	var video struct{ ID string }
	u.wantStatus(t, 201, "POST", "/api/v1/videos", `{"title":"`+title+`","url":"https://example.com/cat.mp4"}`, &video)
	return "/api/v1/videos/" + video.ID
}

func (u user) deleteAccount(t *testing.T) {
	t.Helper()
	u.wantStatus(t, 204, "DELETE", "/api/v1/me", "", nil)
}

type page struct {
	Comments []struct {
		Text string
	}
	Notifications []struct {
		ID, Type string
	}
	Next string `json:"next_cursor"`
}

func (u user) eachPage(t *testing.T, path string, visit func(page)) {
	t.Helper()
	for cursor := ""; ; {
		var p page
		u.wantStatus(t, 200, "GET", path+"?cursor="+cursor, "", &p)
		visit(p)
		if cursor = p.Next; cursor == "" {
			return
		}
	}
}
