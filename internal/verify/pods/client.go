package pods

import (
	"time"

	"k8s.io/client-go/kubernetes"
)

// Client sends requests to the API server. All fields must be set.
type Client struct {
	API     kubernetes.Interface
	Kubectl string              // the command at the start of hints
	Redact  func(string) string // masks secrets in messages from the cluster

	StartTimeout  time.Duration // from creation to the first process, including the image pull
	APITimeout    time.Duration // without a response from the API server
	IdleTimeout   time.Duration // without data; then a watch or log is reopened
	RetryInterval time.Duration // between attempts of a request
}
