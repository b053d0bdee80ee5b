// Package pullerror classifies the errors of image pulls.
package pullerror

import (
	"regexp"
	"strings"
)

// Kind is a kind of pull error.
type Kind struct {
	Message string // "access denied by the registry"
	Hint    string

	// Final reports whether a retry cannot succeed: it sends the same request and
	// gets the same response.
	Final bool

	pattern *regexp.Regexp
}

// kinds matches messages of containerd and registries; the first match wins.
var kinds = []Kind{
	{
		Message: "access denied by the registry", Final: true,
		Hint:    "check the image name, and add an image pull secret for the registry to the namespace",
		pattern: regexp.MustCompile(`(?i)unauthorized|\bdenied\b|\bforbidden\b|authentication required|no basic auth|insufficient_scope`),
	},
	{
		Message: "rate limit of the registry exceeded",
		Hint:    "log in to the registry, wait, or load the image into the cluster",
		pattern: regexp.MustCompile(`(?i)toomanyrequests|too many requests`),
	},
	{
		Message: "registry unreachable",
		Hint:    "check the registry name and the node's network, or load the image into the cluster",
		pattern: regexp.MustCompile(`(?i)no such host|dial tcp|i/o timeout|connection re(set|fused)|\btls: |x509: |\bEOF\b|unreachable|deadline exceeded|\btimed? ?out\b|network is`),
	},
	{
		Message: "not found", Final: true,
		Hint:    "build or push the image, or fix its name and tag in the chart",
		pattern: regexp.MustCompile(`(?i)\bnot ?found\b|manifest unknown|does not exist|no match for platform`),
	},
}

// Classify returns the kind of a kubelet or containerd message about image. Names
// in the message do not count: an image may be called access-denied or tls-proxy.
func Classify(message, image string) Kind {
	rest := withoutNames(message, image)
	for _, k := range kinds {
		if k.pattern.MatchString(rest) {
			return k
		}
	}
	return Kind{Message: "pull failed", Hint: "check the image name and the registry"}
}

var (
	quoted = regexp.MustCompile(`"[^"]*"`)
	lookup = regexp.MustCompile(`\blookup \S+`)
	urls   = regexp.MustCompile(`https?://\S+`)
)

func withoutNames(message, image string) string {
	for _, names := range []*regexp.Regexp{quoted, lookup, urls} {
		message = names.ReplaceAllString(message, "NAME")
	}
	for _, name := range namesOf(image) {
		message = strings.ReplaceAll(message, name, "NAME")
	}
	return message
}

// namesOf returns the forms in which messages repeat a reference. A repository
// without punctuation is left out: it may be a plain word such as "network".
func namesOf(image string) []string {
	names := []string{image}
	repository, _, _ := strings.Cut(image, "@")
	if slash := strings.LastIndex(repository, "/"); strings.Contains(repository[slash+1:], ":") {
		repository = repository[:strings.LastIndex(repository, ":")]
	}
	if host, path, ok := strings.Cut(repository, "/"); ok {
		names = append(names, repository, path, host)
	} else if strings.ContainsAny(repository, "-_.") {
		names = append(names, repository)
	}
	var found []string
	for _, n := range names {
		if n != "" {
			found = append(found, n)
		}
	}
	return found
}
