package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
)

// notes is a store that, like a Redis with rare snapshots, writes its file only when it
// ends. Like a database, the file opens only with the password it was created with.
type notes struct {
	mu       sync.Mutex
	path     string
	Password string
	Notes    []string
}

// serveNotes adds /notes and handles SIGTERM.
func serveNotes(path, password string) {
	n := &notes{path: path, Password: password}
	n.open()
	http.HandleFunc("POST /notes", func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.Notes = append(n.Notes, string(text))
	})
	http.HandleFunc("GET /notes", func(w http.ResponseWriter, _ *http.Request) {
		n.mu.Lock()
		defer n.mu.Unlock()
		_ = json.NewEncoder(w).Encode(slices.Concat([]string{}, n.Notes))
	})
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	go func() {
		<-terminated
		n.mu.Lock()
		n.write()
		os.Exit(0)
	}()
}

func (n *notes) open() {
	text, err := os.ReadFile(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		n.write()
		return
	}
	var stored notes
	if err := errors.Join(err, json.Unmarshal(text, &stored)); err != nil {
		log.Fatal(err)
	}
	if stored.Password != n.Password {
		log.Fatal("wrong password for " + n.path)
	}
	n.Notes = stored.Notes
}

func (n *notes) write() {
	text, err := json.Marshal(n)
	if err := errors.Join(err, os.WriteFile(n.path, text, 0o600)); err != nil {
		log.Fatal(err)
	}
}
