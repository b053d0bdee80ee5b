package relay

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("forwards requests at the same time, in both directions", func(t *testing.T) {
		t.Parallel()
		toRelay, fromServer := io.Pipe()
		toServer, fromRelay := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- Run(t.Context(), toRelay, fromRelay) }()
		var together sync.WaitGroup
		together.Add(2)
		address, stop, err := Serve(toServer, fromServer, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				return // of the relay
			}
			together.Done()
			together.Wait()
			sum := sha256.New()
			_, _ = io.Copy(sum, r.Body)
			fmt.Fprintf(w, "%s %s %x", r.URL.Path, r.Header.Get("Authorization"), sum.Sum(nil))
		}))
		if err != nil {
			t.Fatal(err)
		}
		body := bytes.Repeat([]byte("layer"), 1<<20)
		var requests sync.WaitGroup
		for _, path := range []string{"/v2/a", "/v2/b"} {
			requests.Go(func() {
				request, _ := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+path, bytes.NewReader(body))
				request.Header.Set("Authorization", "Bearer secret")
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				defer response.Body.Close()
				got, err := io.ReadAll(response.Body)
				if want := fmt.Sprintf("%s Bearer secret %x", path, sha256.Sum256(body)); err != nil || string(got) != want {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			})
		}
		requests.Wait()
		stop()
		fromServer.Close()
		if err := <-ended; err != nil {
			t.Errorf("got %v after the end of the input, want no error", err)
		}
	})

	t.Run("ends with its input, without a request", func(t *testing.T) {
		t.Parallel()
		if err := Run(t.Context(), strings.NewReader(""), io.Discard); err != nil {
			t.Errorf("got %v, want no error", err)
		}
	})
}

func TestServe(t *testing.T) {
	t.Parallel()
	if _, _, err := Serve(strings.NewReader(""), io.Discard, nil); err == nil {
		t.Error("got no error for a program that is no relay")
	}
}
