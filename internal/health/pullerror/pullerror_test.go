package pullerror

import "testing"

func TestClassify(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, image, message string
		want                 string
		final                bool
	}{
		{
			"not found", "web:1",
			`rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/web:1": failed to resolve reference "docker.io/library/web:1": docker.io/library/web:1: not found`,
			"not found", true,
		},
		{
			"denied", "shop/web:1",
			`failed to resolve reference "docker.io/shop/web:1": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
			"access denied by the registry", true,
		},
		{
			"an image called not-found with a network error", "not-found:1",
			`failed to resolve reference "docker.io/library/not-found:1": failed to do request: Head "https://registry-1.docker.io/v2/library/not-found/manifests/1": dial tcp 192.0.2.1:443: i/o timeout`,
			"registry unreachable", false,
		},
		{
			"an image called access-denied with a server error", "registry.example.com/access-denied:1",
			`failed to resolve reference "registry.example.com/access-denied:1": unexpected status from HEAD request to https://registry.example.com/v2/access-denied/manifests/1: 503 Service Unavailable`,
			"pull failed", false,
		},
		{
			"an image called tls-proxy that does not exist", "tls-proxy:1",
			`rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/tls-proxy:1": docker.io/library/tls-proxy:1: not found`,
			"not found", true,
		},
		{
			"a registry called denied that has no address", "denied.example.com/web:1",
			`failed to do request: Head "https://denied.example.com/v2/web/manifests/1": dial tcp: lookup denied.example.com on 192.0.2.53:53: no such host`,
			"registry unreachable", false,
		},
		{
			"a repository called network that is denied", "network:1",
			`failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden`,
			"access denied by the registry", true,
		},
		{
			"a host that the resolver does not find", "registry.example.com/web@sha256:0123",
			`dial tcp: lookup registry.example.com: server misbehaving; name not found`,
			"registry unreachable", false,
		},
		{"a rate limit", "web:1", `429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit`, "rate limit of the registry exceeded", false},
		{"an unknown message", "web:1", `failed to extract layer: no space left on device`, "pull failed", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := Classify(test.message, test.image)
			if got.Message != test.want || got.Final != test.final {
				t.Errorf("got %q, final %t; want %q, final %t", got.Message, got.Final, test.want, test.final)
			}
			if got.Hint == "" {
				t.Error("got no hint")
			}
		})
	}
}
