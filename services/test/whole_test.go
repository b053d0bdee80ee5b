package test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tiktok/test/kafkatest"
	"tkdeploy.dev/tiktok/test/pgtest"
)

// whole is all services, connected as in the chart.
type whole struct {
	bin string // directory of the binaries

	auth, video, interaction, notification, gateway *process

	database *pgtest.Server
	cache    *redisServer
	broker   *kafkatest.Broker
}

func (w *whole) processes() []*process {
	return []*process{w.auth, w.video, w.interaction, w.notification, w.gateway}
}

// startWhole does not start the stores.
func startWhole(t *testing.T) *whole {
	t.Helper()
	bin := t.TempDir()
	w := &whole{bin: bin, database: pgtest.New(t), cache: newRedis(t), broker: kafkatest.New(t)}
	services := []string{"auth-service", "video-service", "interaction-service", "notification-service", "api-gateway"}
	args := []string{"build", "-o", bin}
	for _, service := range append(services, "journey") {
		args = append(args, "../"+service)
	}
	if output, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", args, err, output)
	}
	db := w.database.Config
	env := []string{
		"DB_HOST=" + db.Host, "DB_PORT=" + db.Port, "DB_NAME=" + db.Name, "DB_USER=" + db.User, "DB_PASSWORD=" + db.Password,
		"JWT_ACCESS_SECRET=" + strings.Repeat("s", 32), "REDIS_ADDR=" + w.cache.addr, "KAFKA_BROKERS=" + w.broker.Addr, "DRAIN=1s", "RATE_LIMIT=1000",
	}
	grpc := map[string]string{}
	for _, service := range services[:4] {
		grpc[service] = freePort(t)
		env = append(env, strings.ToUpper(strings.ReplaceAll(service, "-", "_"))+"_ADDR=localhost:"+grpc[service])
	}
	for i, p := range []**process{&w.auth, &w.video, &w.interaction, &w.notification, &w.gateway} {
		own := append([]string{"GRPC_PORT=" + grpc[services[i]]}, env...)
		*p = startProcess(t, filepath.Join(bin, services[i]), own)
	}
	return w
}

type member struct {
	*process
	access string
}

func (w *whole) join(t *testing.T, name string) member {
	t.Helper()
	account := `{"username":"` + name + `","email":"` + name + `@example.com","password":"correct horse"}`
	w.gateway.post(t, "/api/v1/auth/register", account, 201, nil)
	var got tokens
	w.gateway.post(t, "/api/v1/auth/login", `{"email":"`+name+`@example.com","password":"correct horse"}`, 200, &got)
	return member{w.gateway, got.Access}
}

func (m member) do(t *testing.T, method, path, body string, status int, result any) *http.Response {
	t.Helper()
	header := map[string]string{}
	if m.access != "" {
		header["Authorization"] = "Bearer " + m.access
	}
	response := m.send(t, method, path, body, header)
	text := read(t, response)
	if response.StatusCode != status {
		t.Fatalf("%s %s: got %s %s, want %d", method, path, response.Status, text, status)
	}
	if result != nil {
		if err := json.Unmarshal([]byte(text), result); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return response
}

type videoBody struct {
	ID, Title, URL         string
	Author                 struct{ Username string }
	Likes, Comments, Views int
	Liked                  bool
}

type notificationsBody struct {
	Notifications []struct {
		ID, Type   string
		Actor      struct{ Username string }
		VideoTitle string `json:"video_title"`
		Read       bool
	}
	Unread int
}

// waitForNotifications waits for n notifications. More are an error.
func (m member) waitForNotifications(t *testing.T, n int) (got notificationsBody) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		m.do(t, "GET", "/api/v1/notifications", "", 200, &got)
		if len(got.Notifications) == n {
			return got
		}
		if len(got.Notifications) > n || time.Now().After(deadline) {
			t.Fatalf("got %d notifications, want %d: %+v", len(got.Notifications), n, got)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestWholeStack(t *testing.T) {
	t.Parallel()
	w := startWhole(t)
	for _, p := range w.processes() {
		p.waitFor(t, "/health/live", 200)
		p.waitFor(t, "/health", 503)
	}
	w.database.Start(t)
	w.cache.start(t)
	w.interaction.waitFor(t, "/health", 200) // without Kafka, events wait in the outbox
	w.notification.waitFor(t, "/health", 503)
	w.broker.Start(t)
	for _, p := range w.processes() {
		p.waitFor(t, "/health", 200)
	}

	t.Run("journey", w.checkJourney)
	t.Run("parallel journeys", w.checkJourneys)

	alice, bob, nobody := w.join(t, "alice"), w.join(t, "bob"), member{w.gateway, ""}
	var posted videoBody
	alice.do(t, "POST", "/api/v1/videos", `{"title":"My cat","url":"https://example.com/cat.mp4"}`, 201, &posted)
	path := "/api/v1/videos/" + posted.ID

	// Bob's actions notify alice through Kafka, each once.
	bob.do(t, "PUT", path+"/like", "", 204, nil)
	bob.do(t, "PUT", path+"/like", "", 204, nil)
	bob.do(t, "POST", path+"/views", "", 204, nil)
	alice.do(t, "PUT", path+"/like", "", 204, nil) // her own like does not notify her
	first := alice.waitForNotifications(t, 1)
	if n := first.Notifications[0]; n.Type != "liked" || n.Actor.Username != "bob" || n.VideoTitle != "My cat" || first.Unread != 1 {
		t.Errorf("got %+v, want one unread like by bob", first)
	}
	alice.do(t, "POST", "/api/v1/notifications/"+first.Notifications[0].ID+"/read", "", 204, nil)
	bob.do(t, "POST", "/api/v1/notifications/"+first.Notifications[0].ID+"/read", "", 404, nil)
	var seen videoBody
	bob.do(t, "GET", path, "", 200, &seen)
	if seen.Likes != 2 || seen.Views != 1 || !seen.Liked {
		t.Errorf("got %+v, want 2 likes and 1 view, liked", seen)
	}

	// During a Kafka outage actions are accepted, and no event is lost or repeated.
	w.broker.Stop()
	bob.do(t, "POST", path+"/comments", `{"text":"nice"}`, 201, nil)
	w.notification.waitFor(t, "/health", 503)
	w.notification.waitFor(t, "/health/live", 200)
	w.interaction.waitFor(t, "/health", 200)
	w.broker.Start(t)
	w.notification.waitFor(t, "/health", 200)
	if got := alice.waitForNotifications(t, 2); got.Unread != 1 || got.Notifications[0].Type != "commented" {
		t.Errorf("got %+v, want a new unread comment", got)
	}

	w.cache.stop(t)
	w.video.waitForHealth(t, "degraded")
	var feed struct{ Videos []videoBody }
	nobody.do(t, "GET", "/api/v1/feed", "", 200, &feed)
	if len(feed.Videos) != 1 || feed.Videos[0].Title != "My cat" || feed.Videos[0].Author.Username != "alice" {
		t.Errorf("got feed %+v, want one video by alice", feed)
	}
	t.Run("journey without Redis", w.checkJourneyWithoutRedis)
	w.cache.start(t)
	w.auth.waitFor(t, "/health", 200)

	bob.do(t, "DELETE", path, "", 403, nil)
	alice.do(t, "DELETE", path, "", 204, nil)
	bob.do(t, "PUT", path+"/like", "", 404, nil)
	alice.waitForNotifications(t, 0)
	for range 2 {
		alice.do(t, "DELETE", "/api/v1/me", "", 204, nil)
		bob.do(t, "DELETE", "/api/v1/me", "", 204, nil)
	}
	w.gateway.post(t, "/api/v1/auth/login", `{"email":"alice@example.com","password":"correct horse"}`, 401, nil)
	for _, p := range w.processes() {
		p.checkDrain(t)
	}
}

func (p *process) waitForHealth(t *testing.T, status string) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !strings.Contains(p.get(t, "/health", nil), `"status":"`+status+`"`) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: timed out waiting for status %s", p.name, status)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
