// Package clientip tells from which client a request comes.
package clientip

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Trusted lists the networks of the proxies whose X-Forwarded-For is believed.
// Everybody else could write anything into it.
type Trusted []netip.Prefix

// Of is the address of the client: the connection's own or, if that is a trusted
// proxy's, the nearest one in X-Forwarded-For that is not. IPv6 clients count by
// their /64, which is what one of them has to choose from.
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
