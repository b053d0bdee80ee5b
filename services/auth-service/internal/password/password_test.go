package password

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestHasher_Matches(t *testing.T) {
	t.Parallel()
	t.Run("accepts only the right password", func(t *testing.T) {
		t.Parallel()
		h := New()
		hash, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.Hash(t.Context(), "correct horse")
		if err != nil || again == hash {
			t.Errorf("got equal hashes or error %v, want different salts", err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("got hash %s, want the cost of the constants", hash)
		}
		const cheaper = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$uUaEYFDLKDVGk5ezE0IVBg" // of "correct horse"
		tests := []struct {
			name, hash, password string
			want                 bool
		}{
			{"right password", hash, "correct horse", true},
			{"wrong password", hash, "battery staple", false},
			{"empty password", hash, "", false},
			{"empty hash", "", "correct horse", false},
			{"earlier cost, wrong password", cheaper, "battery staple", false},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				if got, err := h.Matches(t.Context(), test.hash, test.password); got != test.want || err != nil {
					t.Errorf("got %t, %v, want %t", got, err, test.want)
				}
			})
		}
	})

	t.Run("rejects damaged hashes", func(t *testing.T) {
		t.Parallel()
		h := New()
		for _, hash := range []string{"plain", "$2a$10$abc", "$argon2id$v=18$m=64,t=1,p=1$c2FsdA$a2V5", "$argon2id$v=19$m=64,t=0,p=1$c2FsdA$a2V5", "$argon2id$v=19$m=64,t=1,p=1$!$a2V5", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$"} {
			if ok, err := h.Matches(t.Context(), hash, "x"); ok || !errors.Is(err, errFormat) {
				t.Errorf("%q: got %t, %v, want %v", hash, ok, err, errFormat)
			}
		}
	})
}

func TestHasher_Hash(t *testing.T) {
	t.Parallel()
	t.Run("stops waiting when ctx is done", func(t *testing.T) {
		t.Parallel()
		h := New()
		for range cap(h.slots) {
			h.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
