// Package token signs and verifies access tokens: JWTs (HS256) with the secret
// that auth-service and api-gateway share.
//
// Verifying tokens in the gateway saves a call per request and keeps users
// signed in while auth-service restarts. Tokens cannot be revoked, so they
// expire after minutes.
package token

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the minimum secret size in bytes, that of the hash (RFC 7518,
// 3.2).
const MinSecret = 32

const (
	issuer   = "auth-service"
	audience = "tiktok"
)

// Signer signs tokens that are valid for TTL.
type Signer struct {
	Secret []byte
	TTL    time.Duration
	Now    func() time.Time
}

// Sign returns a token for the user with this id.
func (s Signer) Sign(userID string) (string, error) {
	now := s.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Issuer:    issuer,
		Audience:  jwt.ClaimStrings{audience},
		Subject:   userID,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(s.TTL)),
	}).SignedString(s.Secret)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return signed, nil
}

// Verifier verifies tokens.
type Verifier struct {
	Secret []byte
	Now    func() time.Time
}

// Verify returns the user id of a token. Errors do not show the token.
func (v Verifier) Verify(token string) (userID string, err error) {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), // never the token's own choice
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(v.Now),
	)
	var claims jwt.RegisteredClaims
	if _, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return v.Secret, nil }); err != nil {
		return "", fmt.Errorf("verify access token: %w", err)
	}
	return claims.Subject, nil
}
