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
		{"a token of the signer is accepted", good, noon, true},
		{"a token made by hand with the same claims is accepted", hs256(nil), noon, true},
		{"a token past its time is refused", good, noon.Add(time.Minute), false},
		{"a token that never expires is refused", hs256(jwt.MapClaims{"exp": nil}), noon, false},
		{"a token for another audience is refused", hs256(jwt.MapClaims{"aud": "admin"}), noon, false},
		{"a token of another issuer is refused", hs256(jwt.MapClaims{"iss": "x"}), noon, false},
		{"a token signed with another secret is refused", signed(t, jwt.SigningMethodHS256, []byte("other"), claims(nil)), noon, false},
		{"a token with another algorithm is refused", signed(t, jwt.SigningMethodHS384, secret, claims(nil)), noon, false},
		{"a token without a signature is refused", signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), noon, false},
		{"no token is refused", "", noon, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			user, err := token.Verifier{Secret: secret, Now: at(test.now)}.Verify(test.token)
			if (err == nil) != test.ok || test.ok && user != "u1" {
				t.Errorf("user %q, error %v", user, err)
			}
		})
	}
}
