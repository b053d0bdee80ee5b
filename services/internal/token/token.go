// Package token signs and verifies access tokens: JWTs (HS256) with the secret
// JWT_ACCESS_SECRET, which auth-service and api-gateway share.
//
// The gateway verifies tokens itself instead of asking auth-service: no extra
// call on every request, and who is signed in stays so while auth-service rolls.
// The price is that a token cannot be taken back, so it lives for minutes.
package token

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MinSecret is the shortest secret in bytes: as long as the hash (RFC 7518, 3.2).
const MinSecret = 32

const (
	issuer   = "auth-service"
	audience = "tiktok"
)

// A Signer makes tokens that live for TTL.
type Signer struct {
	Secret []byte
	TTL    time.Duration
	Now    func() time.Time
}

// Sign makes a token for the user with this id.
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

// A Verifier checks tokens.
type Verifier struct {
	Secret []byte
	Now    func() time.Time
}

// Verify returns the id of the user whom the token was made for. The error says
// what is wrong with the token and shows nothing of it.
func (v Verifier) Verify(token string) (userID string, err error) {
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), // never what the token asks for
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
