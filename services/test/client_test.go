package test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (p *process) get(t *testing.T, path string, header map[string]string) string {
	t.Helper()
	return read(t, p.send(t, http.MethodGet, path, "", header))
}

func (p *process) post(t *testing.T, path, body string, status int, result any) {
	t.Helper()
	response := p.send(t, http.MethodPost, path, body, nil)
	text := read(t, response)
	if response.StatusCode != status {
		t.Fatalf("%s %s: got %s %s, want %d", p.name, path, response.Status, text, status)
	}
	if result == nil {
		return
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func (p *process) send(t *testing.T, method, path, body string, header map[string]string) *http.Response {
	t.Helper()
	response, err := p.try(t.Context(), method, path, body, header)
	if err != nil {
		t.Fatalf("%v\n%s", err, p.log)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (p *process) try(ctx context.Context, method, path, body string, header map[string]string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://127.0.0.1:"+p.port+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	return http.DefaultClient.Do(request)
}

func read(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (p *process) waitFor(t *testing.T, path string, status int) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		response, err := p.try(t.Context(), http.MethodGet, path, "", nil)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == status {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s%s: timed out waiting for status %d (%v)\n%s", p.name, path, status, err, p.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// waitForLog polls the log, because a request is logged after its response.
func (p *process) waitForLog(t *testing.T, text string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !strings.Contains(p.log.String(), text) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: timed out waiting for log %s", p.name, text)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
