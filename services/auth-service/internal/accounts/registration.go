package accounts

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Registration is a request for an account.
type Registration struct {
	Username string
	Email    string
	Password string
}

// InvalidError lists invalid fields.
type InvalidError struct{ Fields []FieldError }

// FieldError is the problem of a field.
type FieldError struct{ Field, Problem string }

func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		lines[i] = f.Field + " " + f.Problem
	}
	return strings.Join(lines, "; ")
}

var usernameForm = regexp.MustCompile(`^[a-z0-9._]{3,30}$`)

// normal makes usernames and emails case-insensitive.
func (r Registration) normal() Registration {
	r.Username = strings.ToLower(strings.TrimSpace(r.Username))
	r.Email = normalEmail(r.Email)
	return r
}

func normalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// validate counts characters. NIST SP 800-63B requires at least 8 and no
// composition rules. The maximum limits the cost of hashing.
func (r Registration) validate() error {
	var fields []FieldError
	if !usernameForm.MatchString(r.Username) {
		fields = append(fields, FieldError{"username", "must be 3 to 30 letters a-z, digits, dots or underscores"})
	}
	if address, err := mail.ParseAddress(r.Email); err != nil || address.Address != r.Email || len(r.Email) > 254 {
		fields = append(fields, FieldError{"email", "must be an email address"})
	}
	if n := utf8.RuneCountInString(r.Password); n < 8 || n > 128 {
		fields = append(fields, FieldError{"password", "must have 8 to 128 characters"})
	}
	if fields != nil {
		return &InvalidError{Fields: fields}
	}
	return nil
}
