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

// A member is a user of the stack who is signed in.
type user struct {
	base   string // the gateway's URL
	token  string
	client *http.Client
}

// join makes an account and signs it in.
func newUser(t *testing.T, name string) user {
	t.Helper()
	name = fmt.Sprintf("%s_%d", name, time.Now().UnixNano()%1e9)
	credentials := fmt.Sprintf(`"email":"%s@example.com","password":"correct horse"`, name)
	m := user{base: stackURL, client: &http.Client{Timeout: 15 * time.Second}}
	m.wantStatus(t, 201, "POST", "/api/v1/auth/register", `{"username":"`+name+`",`+credentials+`}`, nil)
	var tokens struct {
		Access string `json:"access_token"`
	}
	m.wantStatus(t, 200, "POST", "/api/v1/auth/login", `{`+credentials+`}`, &tokens)
	m.token = tokens.Access
	return m
}

// send gives the answer's status and body.
func (m user) send(ctx context.Context, method, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, m.base+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if m.token != "" {
		request.Header.Set("Authorization", "Bearer "+m.token)
	}
	response, err := m.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// must fails the test unless the answer has the status, and decodes it into result.
func (m user) wantStatus(t *testing.T, status int, method, path, body string, result any) {
	t.Helper()
	code, text, err := m.send(t.Context(), method, path, body)
	if err != nil || code != status {
		t.Fatalf("%s %s: %d %s %v, want %d", method, path, code, text, err, status)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

// post posts a video and gives its path.
func (m user) postVideo(t *testing.T, title string) string {
	t.Helper()
	var video struct{ ID string }
	m.wantStatus(t, 201, "POST", "/api/v1/videos", `{"title":"`+title+`","url":"https://example.com/cat.mp4"}`, &video)
	return "/api/v1/videos/" + video.ID
}

// leave deletes the account and everything of it.
func (m user) deleteAccount(t *testing.T) {
	t.Helper()
	m.wantStatus(t, 204, "DELETE", "/api/v1/me", "", nil)
}

// A page is a part of a list, with the way to the next.
type page struct {
	Comments []struct {
		Text string
	}
	Notifications []struct {
		ID, Type string
	}
	Next string `json:"next_cursor"`
}

// pages reads a list to its end.
func (m user) eachPage(t *testing.T, path string, see func(page)) {
	t.Helper()
	for cursor := ""; ; {
		var p page
		m.wantStatus(t, 200, "GET", path+"?cursor="+cursor, "", &p)
		see(p)
		if cursor = p.Next; cursor == "" {
			return
		}
	}
}
