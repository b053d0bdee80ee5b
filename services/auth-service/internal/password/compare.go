package password

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

var errFormat = errors.New("stored password hash has an unknown format")

// compare uses the cost and salt of hash.
func compare(hash, password string) (bool, error) {
	parts := strings.Split(hash, "$") // "", argon2id, v, cost, salt, key
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errFormat
	}
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil || passes == 0 || threads == 0 {
		return false, errFormat
	}
	salt, err := encoding.DecodeString(parts[4])
	if err != nil {
		return false, errFormat
	}
	want, err := encoding.DecodeString(parts[5])
	if err != nil || len(want) == 0 {
		return false, errFormat
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
