package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// DefaultDomain is the default DNS domain of a cluster. [Run] replaces it by
// the domain in the pod's resolv.conf.
const DefaultDomain = "cluster.local"

func (n *network) checkDNS(ctx context.Context, c Check) (Answer, string, *problem) {
	addresses, err := n.resolver.LookupHost(ctx, absolute(c.Target.Host))
	if err != nil {
		return Answer{}, "", newProblem("look up "+c.Target.Host, err, c.timeout())
	}
	slices.Sort(addresses)
	return Answer{Addresses: addresses}, fmt.Sprintf("%s resolves to %s", c.Target.Host, text.Abbreviate(addresses, 3)), nil
}

// clusterDomain parses the kubelet's search list:
// "<namespace>.svc.<domain> svc.<domain> <domain>".
func clusterDomain(resolvConf string) string {
	content, err := files.Read(resolvConf, files.ConfigLimit)
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

func inDomain(checks []Check, domain string) []Check {
	for i := range checks {
		if name, ok := strings.CutSuffix(checks[i].Target.Host, ".svc."+DefaultDomain); ok {
			checks[i].Target.Host = name + ".svc." + domain
		}
	}
	return checks
}
