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

// Counts are what passed a [Proxy].
type Counts struct {
	Calls      int   `json:"calls"`       // requests to the engine
	Builds     int   `json:"builds"`      // requests to build: POST /build, and connections to BuildKit
	Execs      int   `json:"execs"`       // commands run in containers
	Saves      int   `json:"saves"`       // requests to save images
	SavedBytes int64 `json:"saved_bytes"` // what the engine sent for them
	SentBytes  int64 `json:"sent_bytes"`  // what was sent to imports into a node's containerd
}

// A Proxy is a socket that passes everything on to an engine's socket and
// counts. It holds nothing back: streams pass as they come, with their half
// closes.
type Proxy struct {
	Socket string

	server *http.Server

	mu      sync.Mutex
	counts  Counts
	imports map[string]bool // ids of execs that import images
}

// Listen serves on a new socket until Close.
func Listen(ctx context.Context, socket, upstream string) (*Proxy, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("listen for engine calls: %w", err)
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
		FlushInterval:  -1, // progress is to pass at once
		ModifyResponse: p.answered,
		ErrorLog:       log.New(io.Discard, "", 0), // a client that goes away says so itself
	}
	p.server = &http.Server{Handler: p.count(forward), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = p.server.Serve(listener) }() // until Close
	return p, nil
}

func dial(ctx context.Context, socket string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", socket)
}

// Close ends all connections.
func (p *Proxy) Close() error { return p.server.Close() }

// Take gives what was counted since the last Take.
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

// A call is a request by its meaning.
type call string

const (
	build     call = "build"
	execMake  call = "make exec"
	execStart call = "start exec"
	save      call = "save"
	other     call = "other"
)

var (
	version   = regexp.MustCompile(`^/v[0-9.]+/`)
	makesExec = regexp.MustCompile(`^/containers/[^/]+/exec$`)
	startExec = regexp.MustCompile(`^/exec/([^/]+)/start$`)
	saves     = regexp.MustCompile(`^/images/(.+/)?get$`)
)

func classify(r *http.Request) call {
	path := version.ReplaceAllString(r.URL.Path, "/")
	switch post := r.Method == http.MethodPost; {
	case post && (path == "/build" || path == "/grpc"):
		return build
	case post && makesExec.MatchString(path):
		return execMake
	case post && startExec.MatchString(path):
		return execStart
	case !post && saves.MatchString(path):
		return save
	}
	return other
}

// importKey marks the context of a request that makes an exec which imports.
type importKey struct{}

// count looks at requests on their way to the engine.
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
		if kind == execMake {
			imports, err := readsImport(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), importKey{}, imports))
		}
		next.ServeHTTP(w, r)
	})
}

// readsImport tells whether the exec that r makes imports images, and leaves
// r's body to be read again.
func readsImport(r *http.Request) (bool, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return false, err
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	var exec struct{ Cmd []string }
	if err := json.Unmarshal(text, &exec); err != nil {
		return false, fmt.Errorf("read what is to be run: %w", err)
	}
	command := strings.Join(exec.Cmd, " ")
	return strings.Contains(command, "ctr") && strings.Contains(command, "images import"), nil
}

// answered looks at answers on their way back.
func (p *Proxy) answered(answer *http.Response) error {
	switch classify(answer.Request) {
	case execMake:
		if imports, _ := answer.Request.Context().Value(importKey{}).(bool); imports {
			return p.remember(answer)
		}
	case execStart:
		id := startExec.FindStringSubmatch(version.ReplaceAllString(answer.Request.URL.Path, "/"))[1]
		p.mu.Lock()
		imports := p.imports[id]
		p.mu.Unlock()
		if stream, ok := answer.Body.(io.ReadWriteCloser); ok && imports {
			answer.Body = &countedStream{stream, func(n int) { p.add(func(c *Counts) { c.SentBytes += int64(n) }) }}
		}
	case save:
		answer.Body = &countedBody{answer.Body, func(n int) { p.add(func(c *Counts) { c.SavedBytes += int64(n) }) }}
	}
	return nil
}

// remember keeps the id of an exec that imports.
func (p *Proxy) remember(answer *http.Response) error {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	var made struct{ ID string }
	if err := json.Unmarshal(text, &made); err != nil {
		return fmt.Errorf("read the id of an exec: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.imports[made.ID] = true
	return nil
}

// countedBody counts what is read.
type countedBody struct {
	io.ReadCloser
	count func(int)
}

func (b *countedBody) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	b.count(n)
	return n, err
}

// countedStream counts what is written.
type countedStream struct {
	io.ReadWriteCloser
	count func(int)
}

func (s *countedStream) Write(data []byte) (int, error) {
	n, err := s.ReadWriteCloser.Write(data)
	s.count(n)
	return n, err
}

// CloseWrite tells the engine that a command's input has ended.
func (s *countedStream) CloseWrite() error {
	if half, ok := s.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return http.ErrNotSupported
}
