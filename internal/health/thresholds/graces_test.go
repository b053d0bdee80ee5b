package thresholds

import (
	"strings"
	"testing"
	"time"
)

func TestGraces_Annotated(t *testing.T) {
	t.Parallel()
	environment := Graces{Crash: time.Minute, Probe: time.Minute}
	t.Run("override those of the environment", func(t *testing.T) {
		t.Parallel()
		got, err := environment.Annotated(map[string]string{"tkdeploy.dev/grace-crash": "5m", "example.com/grace-probe": "1h"})
		if want := (Graces{Crash: 5 * time.Minute, Probe: time.Minute}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
	for annotation, want := range map[string]string{
		"tkdeploy.dev/grace-crsh=5m":   "unknown annotation tkdeploy.dev/grace-crsh: use tkdeploy.dev/grace-crash",
		"tkdeploy.dev/grace-crash=5":   `annotation tkdeploy.dev/grace-crash: "5" is not a duration such as 90s`,
		"tkdeploy.dev/grace-crash=-5s": `"-5s" is not a duration`,
	} {
		t.Run("reject "+annotation, func(t *testing.T) {
			t.Parallel()
			key, value, _ := strings.Cut(annotation, "=")
			if _, err := environment.Annotated(map[string]string{key: value}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
