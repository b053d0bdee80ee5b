// Package clientip determines the client of a request.
package clientip

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Trusted lists the networks of proxies whose X-Forwarded-For is trusted.
type Trusted []netip.Prefix

// Of returns the client's address: the connection's or, behind trusted proxies,
// the last one in X-Forwarded-For that is not a trusted proxy. IPv6 clients are
// identified by their /64, in which they can choose any address.
func (t Trusted) Of(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	client := peer.Addr().Unmap()
	forwarded := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(forwarded) {
		if !t.contains(client) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		client = before.Unmap()
	}
	return name(client)
}

func (t Trusted) contains(address netip.Addr) bool {
	return slices.ContainsFunc(t, func(network netip.Prefix) bool { return network.Contains(address) })
}

func name(client netip.Addr) string {
	if client.Is4() {
		return client.String()
	}
	network, err := client.WithZone("").Prefix(64)
	if err != nil {
		return client.String()
	}
	return network.String()
}
