package journey_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is an in-memory gateway. The handlers in instead replace its own.
type fake struct {
	mu       sync.Mutex
	url      string
	instead  map[string]http.HandlerFunc
	accounts map[string]map[string]string // request bodies by id
	videos   []map[string]any             // newest first
	likes    map[string]string            // user by liked video
	cached   bool
	issued   int
}

func newFake(t *testing.T, instead map[string]http.HandlerFunc) *fake {
	f := &fake{instead: instead, accounts: map[string]map[string]string{}, likes: map[string]string{}}
	mux := http.NewServeMux()
	routes := map[string]http.HandlerFunc{
		"POST /api/v1/auth/register":      f.register,
		"POST /api/v1/auth/login":         f.login,
		"POST /api/v1/auth/refresh":       f.refresh,
		"GET /api/v1/me":                  f.me,
		"DELETE /api/v1/me":               f.deleteMe,
		"POST /api/v1/videos":             f.post,
		"GET /api/v1/videos/{id}":         f.video,
		"GET /api/v1/videos/{id}/content": f.content,
		"DELETE /api/v1/videos/{id}":      f.deleteVideo,
		"GET /api/v1/feed":                f.feed,
		"PUT /api/v1/videos/{id}/like":    f.like,
		"GET /api/v1/notifications":       f.notifications,
	}
	maps.Copy(routes, instead)
	for pattern, handle := range routes {
		mux.HandleFunc(pattern, handle)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fake) left() (accounts, videos int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.accounts), len(f.videos)
}

func respond(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func broken(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusInternalServerError, map[string]any{"title": "Internal Server Error", "status": 500})
}

func decode(r *http.Request) map[string]string {
	body := map[string]string{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	return body
}

func (f *fake) register(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued++
	id := fmt.Sprintf("user-%d", f.issued)
	f.accounts[id] = decode(r)
	respond(w, http.StatusCreated, map[string]string{"id": id})
}

func (f *fake) login(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body := decode(r)
	for id, account := range f.accounts {
		if account["email"] == body["email"] && account["password"] == body["password"] {
			respond(w, http.StatusOK, map[string]string{"access_token": "access of " + id, "refresh_token": "refresh of " + id})
			return
		}
	}
	respond(w, http.StatusUnauthorized, map[string]string{"detail": "wrong email or password"})
}

func (f *fake) refresh(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(decode(r)["refresh_token"], "refresh of ")
	respond(w, http.StatusOK, map[string]string{"access_token": "access of " + id, "refresh_token": "refresh of " + id})
}

func user(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer access of ")
}

func (f *fake) me(w http.ResponseWriter, r *http.Request) {
	respond(w, http.StatusOK, map[string]string{"id": user(r)})
}

func (f *fake) deleteMe(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.accounts, user(r))
	f.keep(func(v map[string]any) bool { return v["owner"] != user(r) })
	w.WriteHeader(http.StatusNoContent)
}

func (f *fake) post(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	respond(w, http.StatusCreated, f.add(user(r), decode(r)["content"]))
}

// add posts a video and invalidates the cached page.
func (f *fake) add(owner, content string) map[string]any {
	f.issued++
	id := fmt.Sprintf("video-%d", f.issued)
	v := map[string]any{
		"id": id, "url": "/api/v1/videos/" + id + "/content", "owner": owner, "content": content,
		"created_at": time.Unix(int64(f.issued), 0),
	}
	f.videos, f.cached = append([]map[string]any{v}, f.videos...), false
	return v
}

func (f *fake) keep(yes func(map[string]any) bool) {
	var kept []map[string]any
	for _, v := range f.videos {
		if yes(v) {
			kept = append(kept, v)
		}
	}
	f.videos, f.cached = kept, false
}

func (f *fake) video(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	respond(w, http.StatusOK, map[string]any{"id": r.PathValue("id"), "liked": f.likes[r.PathValue("id")] == user(r)})
}

func (f *fake) content(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, v := range f.videos {
		if v["id"] == r.PathValue("id") {
			data, _ := base64.StdEncoding.DecodeString(v["content"].(string))
			_, _ = w.Write(data)
		}
	}
}

func (f *fake) deleteVideo(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keep(func(v map[string]any) bool { return v["id"] != r.PathValue("id") })
	w.WriteHeader(http.StatusNoContent)
}

// feed returns pages of 2, the first of them cached, or of 100.
func (f *fake) feed(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	size, cache := 100, "miss"
	if r.URL.RawQuery == "" {
		if size = 2; f.cached {
			cache = "hit"
		}
		f.cached = true
	}
	page := map[string]any{"videos": f.videos}
	if len(f.videos) > size {
		page = map[string]any{"videos": f.videos[:size], "next_cursor": "next"}
	}
	w.Header().Set("X-Cache", cache)
	respond(w, http.StatusOK, page)
}

func (f *fake) like(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.likes[r.PathValue("id")] = user(r)
	w.WriteHeader(http.StatusNoContent)
}

func (f *fake) notifications(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := []map[string]any{}
	for id, who := range f.likes {
		list = append(list, map[string]any{"type": "liked", "actor": map[string]string{"id": who}, "video_id": id})
	}
	respond(w, http.StatusOK, map[string]any{"notifications": list})
}
