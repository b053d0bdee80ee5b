package probe

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// DefaultDomain is the DNS domain of a cluster unless its kubelets say
// otherwise. Where the pod's resolv.conf names another one, [Run] puts that
// in its place.
const DefaultDomain = "cluster.local"

// askDNS looks the name up with the pod's own resolver, as the app would. A
// full name gets a trailing dot, so that no search domain is tried.
func (p *prober) askDNS(ctx context.Context, c Check) (Answer, string, *problem) {
	name := c.Target.Host
	if strings.Contains(name, ".svc.") {
		name += "."
	}
	addresses, err := p.resolver.LookupHost(ctx, name)
	if err != nil {
		return Answer{}, "", failure("look up "+c.Target.Host, err, c.timeout())
	}
	slices.Sort(addresses)
	return Answer{Addresses: addresses}, fmt.Sprintf("%s is %s", c.Target.Host, text.Abbreviate(addresses, 3)), nil
}

// clusterDomain reads the domain from the search list that the kubelet gives
// every pod: "<namespace>.svc.<domain> svc.<domain> <domain>".
func clusterDomain(resolvConf string) string {
	content, err := os.ReadFile(resolvConf)
	if err != nil {
		return DefaultDomain
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "search" {
			continue
		}
		for _, domain := range fields[1:] {
			if domain, ok := strings.CutPrefix(domain, "svc."); ok {
				return strings.TrimSuffix(domain, ".")
			}
		}
	}
	return DefaultDomain
}
