package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A Client asks an engine. It speaks the few requests that the benchmark needs
// over HTTP itself, so that what is checked does not pass the SDK that is checked.
type Client struct{ http *http.Client }

// Connect makes a client of the engine at a socket.
func Connect(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, socket) },
	}}}
}

// An Image is what the engine has under a name.
type Image struct {
	ID     string `json:"Id"`
	RootFS struct{ Layers []string }
}

// Image gives an image by its reference; its layers are digests of what they
// hold (diff IDs), the same in both of Docker's image stores.
func (c *Client) Image(ctx context.Context, ref string) (Image, error) {
	var found Image
	return found, c.get(ctx, "/images/"+ref+"/json", &found)
}

// Tags lists the references of all images whose repository begins with prefix.
func (c *Client) Tags(ctx context.Context, prefix string) ([]string, error) {
	var list []struct{ RepoTags []string }
	if err := c.get(ctx, "/images/json", &list); err != nil {
		return nil, err
	}
	var tags []string
	for _, image := range list {
		for _, tag := range image.RepoTags {
			if strings.HasPrefix(tag, prefix) {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return tags, nil
}

// Remove takes tags away. What builds cached stays.
func (c *Client) Remove(ctx context.Context, tags []string) error {
	for _, tag := range tags {
		if err := c.send(ctx, http.MethodDelete, "/images/"+tag+"?force=1", nil); err != nil {
			return err
		}
	}
	return nil
}

// Import makes an image of one layer from a tar stream.
func (c *Client) Import(ctx context.Context, repository, tag string, layer io.Reader) error {
	query := url.Values{"fromSrc": {"-"}, "repo": {repository}, "tag": {tag}}
	return c.send(ctx, http.MethodPost, "/images/create?"+query.Encode(), layer)
}

// CPUSeconds is what a container has used since it was started, 0 if there is none.
func (c *Client) CPUSeconds(ctx context.Context, container string) (float64, error) {
	var stats struct {
		CPU struct {
			Usage struct {
				Total float64 `json:"total_usage"` // ns
			} `json:"cpu_usage"`
		} `json:"cpu_stats"`
	}
	err := c.get(ctx, "/containers/"+container+"/stats?stream=0&one-shot=1", &stats)
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return stats.CPU.Usage.Total / 1e9, err
}

// An Info is what the engine says of itself.
type Info struct {
	ServerVersion, Driver, CgroupVersion, KernelVersion string
	NCPU                                                int
	MemTotal                                            int64
}

// Info asks the engine for it.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	return info, c.get(ctx, "/info", &info)
}

// ErrNotFound is the cause where the engine has no such thing.
var ErrNotFound = errors.New("not found")

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("read the engine's answer to %s: %w", path, err)
	}
	return nil
}

// send reads the answer to its end: an import is done only then.
func (c *Client) send(ctx context.Context, method, path string, from io.Reader) error {
	body, err := c.do(ctx, method, path, from)
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err == nil && strings.Contains(string(text), `"errorDetail"`) {
		err = errors.New(string(text))
	}
	if err != nil {
		return fmt.Errorf("ask the engine for %s: %w", path, err)
	}
	return nil
}

// do asks in the newest version of the API that the engine has.
func (c *Client) do(ctx context.Context, method, path string, from io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, from)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the engine for %s: %w", path, err)
	}
	if answer.StatusCode < 300 {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // the status says enough
	err = errors.New(strings.TrimSpace(string(text)))
	if answer.StatusCode == http.StatusNotFound {
		err = ErrNotFound
	}
	return nil, fmt.Errorf("ask the engine for %s: %s: %w", path, answer.Status, err)
}
