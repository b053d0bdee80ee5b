package clientip_test

import (
	"net/http"
	"net/netip"
	"testing"

	"tkdeploy.dev/tiktok/api-gateway/internal/clientip"
)

func TestTrusted_Of(t *testing.T) {
	t.Parallel()
	proxies := clientip.Trusted{netip.MustParsePrefix("10.0.0.0/8")}
	tests := []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"direct client", "192.0.2.7:1234", nil, "192.0.2.7"},
		{"direct client with a forged header", "192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7"},
		{"client of a trusted proxy", "10.0.0.1:1234", []string{"198.51.100.1"}, "198.51.100.1"},
		{"forged header before the proxy", "10.0.0.1:1234", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"several proxies and headers", "10.0.0.1:1234", []string{"198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"proxy without a header", "10.0.0.1:1234", nil, "10.0.0.1"},
		{"invalid address", "10.0.0.1:1234", []string{"198.51.100.1, x"}, "10.0.0.1"},
		{"IPv4-mapped IPv6", "[::ffff:192.0.2.7]:1234", nil, "192.0.2.7"},
		{"IPv6 network", "[2001:db8:1:2:3::4%eth0]:1234", nil, "2001:db8:1:2::/64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := proxies.Of(request); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
