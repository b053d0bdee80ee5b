package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Counts holds the requests and bytes that passed a [Proxy].
type Counts struct {
	Calls      int   `json:"calls"`
	Builds     int   `json:"builds"` // POST /build, and connections to BuildKit
	Execs      int   `json:"execs"`
	Saves      int   `json:"saves"`
	SavedBytes int64 `json:"saved_bytes"`
	SentBytes  int64 `json:"sent_bytes"` // to image imports in nodes
}

// Proxy forwards requests from its socket to the engine's and counts them. It does not
// buffer streams, and forwards half-closed connections.
type Proxy struct {
	Socket string

	server *http.Server

	mu      sync.Mutex
	counts  Counts
	imports map[string]bool
}

// Listen starts a proxy, which serves until [Proxy.Close].
func Listen(ctx context.Context, socket, upstream string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen on proxy socket: %w", err)
	}
	p := &Proxy{Socket: socket, imports: map[string]bool{}}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "docker"})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, upstream) },
			DisableCompression: true,
		},
		FlushInterval:  -1, // forward progress immediately
		ModifyResponse: p.inspectResponse,
		ErrorLog:       log.New(io.Discard, "", 0), // the client reports a disconnect
	}
	p.server = &http.Server{Handler: p.count(forward), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

func dial(ctx context.Context, socket string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socket)
}

// Close stops the proxy.
func (p *Proxy) Close() error { return p.server.Close() }

// Take returns the counts since the last call.
func (p *Proxy) Take() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.counts
	p.counts = Counts{}
	return taken
}

func (p *Proxy) add(change func(*Counts)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&p.counts)
}

type callKind string

const (
	build      callKind = "build"
	execCreate callKind = "create exec"
	execStart  callKind = "start exec"
	save       callKind = "save"
	other      callKind = "other"
)

var (
	versionPrefix  = regexp.MustCompile(`^/v[0-9.]+/`)
	createExecPath = regexp.MustCompile(`^/containers/[^/]+/exec$`)
	startExecPath  = regexp.MustCompile(`^/exec/([^/]+)/start$`)
	savePath       = regexp.MustCompile(`^/images/(.+/)?get$`)
)

func classify(r *http.Request) callKind {
	path := versionPrefix.ReplaceAllString(r.URL.Path, "/")
	switch post := r.Method == http.MethodPost; {
	case post && (path == "/build" || path == "/grpc"):
		return build
	case post && createExecPath.MatchString(path):
		return execCreate
	case post && startExecPath.MatchString(path):
		return execStart
	case !post && savePath.MatchString(path):
		return save
	}
	return other
}

type importKey struct{}

func (p *Proxy) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := classify(r)
		p.add(func(c *Counts) {
			c.Calls++
			switch kind {
			case build:
				c.Builds++
			case execStart:
				c.Execs++
			case save:
				c.Saves++
			}
		})
		if kind == execCreate {
			imports, err := isImport(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), importKey{}, imports))
		}
		next.ServeHTTP(w, r)
	})
}

// isImport preserves r.Body.
func isImport(r *http.Request) (bool, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	var exec struct{ Cmd []string }
	if err := json.Unmarshal(text, &exec); err != nil {
		return false, fmt.Errorf("read command of exec: %w", err)
	}
	command := strings.Join(exec.Cmd, " ")
	return strings.Contains(command, "ctr") && strings.Contains(command, "images import"), nil
}

func (p *Proxy) inspectResponse(response *http.Response) error {
	switch classify(response.Request) {
	case execCreate:
		if imports, _ := response.Request.Context().Value(importKey{}).(bool); imports {
			return p.recordImport(response)
		}
	case execStart:
		id := startExecPath.FindStringSubmatch(versionPrefix.ReplaceAllString(response.Request.URL.Path, "/"))[1]
		p.mu.Lock()
		imports := p.imports[id]
		p.mu.Unlock()
		if stream, ok := response.Body.(io.ReadWriteCloser); ok && imports {
			response.Body = &countedStream{stream, func(n int) { p.add(func(c *Counts) { c.SentBytes += int64(n) }) }}
		}
	case save:
		response.Body = &countedBody{response.Body, func(n int) { p.add(func(c *Counts) { c.SavedBytes += int64(n) }) }}
	}
	return nil
}

func (p *Proxy) recordImport(response *http.Response) error {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(text))
	var created struct{ ID string }
	if err := json.Unmarshal(text, &created); err != nil {
		return fmt.Errorf("read ID of exec: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.imports[created.ID] = true
	return nil
}

type countedBody struct {
	io.ReadCloser
	count func(int)
}

func (b *countedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	b.count(n)
	return n, err
}

type countedStream struct {
	io.ReadWriteCloser
	count func(int)
}

func (s *countedStream) Write(data []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(data)
	s.count(n)
	return n, err
}

// CloseWrite ends the command's input.
func (s *countedStream) CloseWrite() error {
	if half, ok := s.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
