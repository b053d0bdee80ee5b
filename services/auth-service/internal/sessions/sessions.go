// Package sessions stores refresh tokens in Redis.
//
// A session is a key with the user's id and a hash of its current secret. A
// refresh token is the session's id and secret, both random. Each use replaces
// the secret. The use of an old secret means that the token was copied, and ends
// the session (RFC 9700, 4.14.2). A client that lost the response to a refresh
// must log in again.
package sessions

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"tkdeploy.dev/tiktok/auth-service/internal/accounts"
)

// Store implements [accounts.Sessions]. A session expires if it is not used for
// TTL.
type Store struct {
	Redis *redis.Client
	TTL   time.Duration
}

var _ accounts.Sessions = Store{}

// rotate replaces the secret atomically. Only one of two concurrent uses
// succeeds.
var rotate = redis.NewScript(`
local current = redis.call('HGET', KEYS[1], 'secret')
if not current then return false end
if redis.call('EXISTS', ARGV[4] .. redis.call('HGET', KEYS[1], 'user')) == 1 then
	redis.call('DEL', KEYS[1])
	return false
end
if current ~= ARGV[1] then
	redis.call('DEL', KEYS[1])
	return false
end
redis.call('HSET', KEYS[1], 'secret', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HGET', KEYS[1], 'user')
`)

// Open implements [accounts.Sessions].
func (s Store) Open(ctx context.Context, userID string) (string, error) {
	id, secret := rand.Text(), rand.Text()
	_, err := s.Redis.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, key(id), "user", userID, "secret", hash(secret))
		p.PExpire(ctx, key(id), s.TTL)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("open session: %w", err)
	}
	return id + "." + secret, nil
}

// Rotate implements [accounts.Sessions].
func (s Store) Rotate(ctx context.Context, refresh string) (userID, next string, err error) {
	id, secret, ok := strings.Cut(refresh, ".")
	if !ok {
		return "", "", accounts.ErrDenied
	}
	fresh := rand.Text()
	userID, err = rotate.Run(ctx, s.Redis, []string{key(id)}, hash(secret), hash(fresh), s.TTL.Milliseconds(), endedKey("")).Text()
	if errors.Is(err, redis.Nil) {
		return "", "", accounts.ErrDenied
	}
	if err != nil {
		return "", "", fmt.Errorf("rotate refresh token: %w", err)
	}
	return userID, id + "." + fresh, nil
}

// EndAll implements [accounts.Sessions]. Its marker blocks all sessions of the
// user until the last one has expired.
func (s Store) EndAll(ctx context.Context, userID string) error {
	if err := s.Redis.Set(ctx, endedKey(userID), 1, s.TTL).Err(); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

func key(id string) string { return "auth:session:" + id }

func endedKey(userID string) string { return "auth:ended:" + userID }

// hash protects the secrets in Redis. They are random, so one round without a
// salt is enough.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
