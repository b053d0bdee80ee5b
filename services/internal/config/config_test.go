package config_test

import (
	"testing"
	"time"

	"tkdeploy.dev/tiktok/internal/config"
)

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { value, ok := env[name]; return value, ok }
}

func TestEnv_Err(t *testing.T) {
	t.Parallel()
	t.Run("reports every variable but no secret", func(t *testing.T) {
		t.Parallel()
		env := config.New(lookup(map[string]string{
			"PORT": "tcp://10.0.0.1:80", "DRAIN": "3", "LIMIT": "0", "SECRET": "hunter2", "ADDR": "redis", "NETS": "10.0.0.0/8,x", "EMPTY": "",
			"BROKERS": "a:1,b", "OPTIONAL": "c",
		}))
		env.String("MISSING")
		env.String("EMPTY")
		env.Port("PORT", 1)
		env.Duration("DRAIN", 0)
		env.Count("LIMIT", 1)
		env.Secret("SECRET", 32)
		env.Address("ADDR")
		env.Networks("NETS")
		env.Addresses("BROKERS")
		env.Addresses("NOBROKERS")
		env.OptionalAddress("OPTIONAL")
		env.OptionalAddress("NOTHING")
		const want = `MISSING is not set
EMPTY is not set
PORT is "tcp://10.0.0.1:80", want a port from 1 to 65535
DRAIN is "3", want a duration such as "3s"
LIMIT is "0", want a whole number above 0
SECRET has 7 bytes, want at least 32
ADDR is "redis", want host:port
NETS is "10.0.0.0/8,x", want networks such as "10.0.0.0/8,fd00::/8"
BROKERS is "a:1,b", want a comma-separated list of host:port
NOBROKERS is not set
OPTIONAL is "c", want host:port`
		if err := env.Err(); err == nil || err.Error() != want {
			t.Errorf("got:\n%v\nwant:\n%s", err, want)
		}
	})
}

func TestEnv(t *testing.T) {
	t.Parallel()
	t.Run("returns values and defaults", func(t *testing.T) {
		t.Parallel()
		env := config.New(lookup(map[string]string{"ADDR": "[::1]:6379", "DRAIN": "0s", "NETS": "10.0.0.0/8, fd00::/8", "BROKERS": "a:1, b:2"}))
		if got := env.Addresses("BROKERS"); len(got) != 2 || got[1] != "b:2" {
			t.Errorf("Addresses: got %v, want [a:1 b:2]", got)
		}
		if got := env.Address("ADDR"); got != "[::1]:6379" {
			t.Errorf("Address: got %q, want [::1]:6379", got)
		}
		if got := env.Duration("DRAIN", time.Second); got != 0 {
			t.Errorf("Duration: got %s, want 0s", got)
		}
		if got := env.Port("PORT", 4000); got != 4000 {
			t.Errorf("Port: got %d, want 4000", got)
		}
		if got := env.Networks("NETS"); len(got) != 2 || got[1].String() != "fd00::/8" {
			t.Errorf("Networks: got %v, want [10.0.0.0/8 fd00::/8]", got)
		}
		if err := env.Err(); err != nil {
			t.Error(err)
		}
	})
}
