package logs_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/logs"
	"tkdeploy.dev/tiktok/internal/requestid"
)

func TestNew(t *testing.T) {
	t.Parallel()
	t.Run("adds the service and request id", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		env := config.New(func(string) (string, bool) { return "warn", true })
		log := logs.New(&out, "auth-service", env).With("part", "store")
		log.InfoContext(t.Context(), "below the level")
		log.WarnContext(requestid.With(t.Context(), "r1"), "slow")
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		delete(line, "time")
		want := `{"level":"WARN","msg":"slow","part":"store","request_id":"r1","service":"auth-service"}`
		if got, _ := json.Marshal(line); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
