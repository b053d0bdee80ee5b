package token_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"tkdeploy.dev/tiktok/internal/token"
)

var (
	secret = bytes.Repeat([]byte("s"), token.MinSecret)
	noon   = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func at(moment time.Time) func() time.Time { return func() time.Time { return moment } }

func signed(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerifier_Verify(t *testing.T) {
	t.Parallel()
	good, err := token.Signer{Secret: secret, TTL: time.Minute, Now: at(noon)}.Sign("u1")
	if err != nil {
		t.Fatal(err)
	}
	claims := func(change jwt.MapClaims) jwt.MapClaims {
		all := jwt.MapClaims{"iss": "auth-service", "aud": "tiktok", "sub": "u1", "exp": noon.Add(time.Minute).Unix()}
		for name, value := range change {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		return all
	}
	hs256 := func(change jwt.MapClaims) string { return signed(t, jwt.SigningMethodHS256, secret, claims(change)) }
	tests := []struct {
		name, token string
		now         time.Time
		ok          bool
	}{
		{"accepts a token of the signer", good, noon, true},
		{"accepts the same claims", hs256(nil), noon, true},
		{"rejects an expired token", good, noon.Add(time.Minute), false},
		{"rejects a token without expiry", hs256(jwt.MapClaims{"exp": nil}), noon, false},
		{"rejects another audience", hs256(jwt.MapClaims{"aud": "admin"}), noon, false},
		{"rejects another issuer", hs256(jwt.MapClaims{"iss": "x"}), noon, false},
		{"rejects another secret", signed(t, jwt.SigningMethodHS256, []byte("other"), claims(nil)), noon, false},
		{"rejects another algorithm", signed(t, jwt.SigningMethodHS384, secret, claims(nil)), noon, false},
		{"rejects an unsigned token", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), noon, false},
		{"rejects an empty token", "", noon, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			user, err := token.Verifier{Secret: secret, Now: at(test.now)}.Verify(test.token)
			if (err == nil) != test.ok || test.ok && user != "u1" {
				t.Errorf("got user %q and error %v, want accepted %t", user, err, test.ok)
			}
		})
	}
}
