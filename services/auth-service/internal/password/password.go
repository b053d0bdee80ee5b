// Package password hashes passwords with Argon2id.
package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"
)

// The cost recommended by OWASP's password storage cheat sheet.
const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	threads = 1
	keySize = 32
)

// format is the PHC string format. Each hash includes its cost, so the constants
// can change.
const format = "$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s"

var encoding = base64.RawStdEncoding

// Hasher limits concurrent hashing to GOMAXPROCS, to save memory. Use [New].
type Hasher struct {
	slots chan struct{}
	dummy string
}

// New returns a Hasher.
func New() *Hasher {
	h := &Hasher{slots: make(chan struct{}, runtime.GOMAXPROCS(0))}
	h.dummy = derive(rand.Text())
	return h
}

// Hash returns a new hash of password. Its only error is that of ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return derive(password), nil
}

// Matches reports whether hash is a hash of password. An empty hash takes the
// same time and matches nothing. The error is that of ctx or an unknown format.
func (h *Hasher) Matches(ctx context.Context, hash, password string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	same, err := compare(hash, password)
	return same && known, err
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
}

func (h *Hasher) leave() { <-h.slots }

func derive(password string) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, passes, memory, threads, keySize)
	return fmt.Sprintf(format, argon2.Version, memory, passes, threads, encoding.EncodeToString(salt), encoding.EncodeToString(key))
}
