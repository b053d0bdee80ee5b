package main

import (
	"io"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("rejects an invalid gateway URL", func(t *testing.T) {
		t.Parallel()
		tests := map[string]string{
			"":                     "GATEWAY_URL is not set",
			"api-gateway:4000":     "GATEWAY_URL is not a URL such as",
			"ftp://api-gateway":    "GATEWAY_URL is not a URL such as",
			"http://":              "GATEWAY_URL is not a URL such as",
			"http://a:secret@host": "GATEWAY_URL is not a URL such as",
		}
		for given, want := range tests {
			_, err := run(t.Context(), func(string) (string, bool) { return given, true }, io.Discard)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: got error %v, want %s", given, err, want)
			}
		}
	})
}

func TestGatewayURL(t *testing.T) {
	t.Parallel()
	t.Run("removes a trailing slash", func(t *testing.T) {
		t.Parallel()
		got, err := gatewayURL(func(string) (string, bool) { return "http://api-gateway:4000/", true })
		if err != nil || got != "http://api-gateway:4000" {
			t.Errorf("got %q, %v, want http://api-gateway:4000", got, err)
		}
	})
}
