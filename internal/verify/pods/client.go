package pods

import (
	"time"

	"k8s.io/client-go/kubernetes"
)

// Client sends requests to the API server. All fields must be set.
type Client struct {
	API     kubernetes.Interface
	Kubectl string              // at the start of hints
	Redact  func(string) string // masks secrets in messages

	StartTimeout  time.Duration // from a pod's creation to its first process
	APITimeout    time.Duration // without a response from the API server
	IdleTimeout   time.Duration // of a silent watch or log
	RetryInterval time.Duration // between attempts of a request
}
