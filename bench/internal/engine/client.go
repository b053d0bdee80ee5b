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

// Client is a minimal client of the Docker API, without the Docker SDK.
type Client struct{ http *http.Client }

// NewClient returns a client of the engine at socket.
func NewClient(socket string) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, socket) },
	}}}
}

// Image is an image in the engine.
type Image struct {
	ID     string `json:"Id"`
	RootFS struct{ Layers []string }
}

// Image returns an image, or [ErrNotFound]. Its layers are diff IDs, the same in both of
// Docker's image stores.
func (c *Client) Image(ctx context.Context, ref string) (Image, error) {
	var found Image
	return found, c.get(ctx, "/images/"+ref+"/json", &found)
}

// Tags returns the sorted references whose repository starts with prefix.
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

// Remove removes tags, but not the build cache.
func (c *Client) Remove(ctx context.Context, tags []string) error {
	for _, tag := range tags {
		if err := c.send(ctx, http.MethodDelete, "/images/"+tag+"?force=1", nil); err != nil {
			return err
		}
	}
	return nil
}

// Import creates an image with one layer from a tar stream.
func (c *Client) Import(ctx context.Context, repository, tag string, layer io.Reader) error {
	query := url.Values{"fromSrc": {"-"}, "repo": {repository}, "tag": {tag}}
	return c.send(ctx, http.MethodPost, "/images/create?"+query.Encode(), layer)
}

// CPUSeconds returns a container's CPU time since its start, or 0 if not found.
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

// Info describes the engine and its host.
type Info struct {
	ServerVersion, Driver, CgroupVersion, KernelVersion string
	NCPU                                                int
	MemTotal                                            int64
}

// Info returns information about the engine.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	return info, c.get(ctx, "/info", &info)
}

// ErrNotFound reports an object that the engine does not have.
var ErrNotFound = errors.New("not found")

func (c *Client) get(ctx context.Context, path string, into any) error {
	body, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("read response of the engine to %s: %w", path, err)
	}
	return nil
}

// send reads the whole response, because an import is complete only then.
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
		return fmt.Errorf("engine request %s: %w", path, err)
	}
	return nil
}

// do uses the engine's newest API version.
func (c *Client) do(ctx context.Context, method, path string, from io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://docker"+path, from)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("engine request %s: %w", path, err)
	}
	if response.StatusCode < 300 {
		return response.Body, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body) // the status suffices
	err = errors.New(strings.TrimSpace(string(text)))
	if response.StatusCode == http.StatusNotFound {
		err = ErrNotFound
	}
	return nil, fmt.Errorf("engine request %s: %s: %w", path, response.Status, err)
}
