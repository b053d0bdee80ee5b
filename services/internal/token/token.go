// Package token signs and verifies access tokens: JWTs (HS256) with the secret
// JWT_ACCESS_SECRET, which auth-service and api-gateway share.
//
// The gateway verifies tokens without calling auth-service. That saves a call
// per request, and users stay signed in while auth-service is updated. Since a
// token cannot be revoked, it expires after minutes.
package token

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the minimum length of a secret in bytes, the hash size (RFC 7518,
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

// Verify returns the id of the token's user. The error describes the problem
// without showing any part of the token.
func (v Verifier) Verify(token string) (userID string, err error) {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), // never the algorithm that the token names
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
