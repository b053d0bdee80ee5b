// Package clientip determines the client of a request.
package clientip

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Trusted lists the networks of proxies whose X-Forwarded-For is trusted. Other
// clients could send any value.
type Trusted []netip.Prefix

// Of returns the address of the client: that of the connection or, behind a
// trusted proxy, the last address in X-Forwarded-For that is not a trusted
// proxy. An IPv6 client is identified by its /64, because it can choose any
// address in it.
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
