package dockerfile

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/version"
)

// SyntaxArg is the build argument that overrides the syntax line.
const SyntaxArg = "BUILDKIT_SYNTAX"

// Syntax is the frontend that a Dockerfile selects. The zero value is the default one.
type Syntax struct {
	Image string
	Line  int // of the syntax line; 0 for the argument
}

// SyntaxOf returns the frontend for a Dockerfile and its build arguments.
func SyntaxOf(text []byte, args map[string]string) Syntax {
	if image, _, _ := strings.Cut(strings.TrimSpace(args[SyntaxArg]), " "); image != "" {
		return Syntax{Image: image}
	}
	image, _, location, found := parser.DetectSyntax(text)
	if !found {
		return Syntax{}
	}
	s := Syntax{Image: image, Line: 1}
	if len(location) > 0 {
		s.Line = location[0].Start.Line
	}
	return s
}

// Version returns the version of the frontend in this program, such as 1.28.
func Version() string {
	major, minor := ownVersion()
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

func ownVersion() (major, minor int) {
	parts := strings.Split(version.Version(), ".")
	if len(parts) < 2 {
		return 0, 0
	}
	major, _ = strconv.Atoi(parts[0])
	minor, _ = strconv.Atoi(parts[1])
	return major, minor
}

// docker matches Docker's frontends.
var docker = regexp.MustCompile(`^(?:docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@]|$)`)

// Docker reports whether the frontend reads Dockerfiles as Docker's does.
func (s Syntax) Docker() bool { return s.Image == "" || docker.MatchString(s.Image) }

// released matches Docker's releases. Since BuildKit 0.34, the labs channel has the same
// features (frontend/dockerfile/release/labs/tags is empty).
var released = regexp.MustCompile(`^(?:docker\.io/)?docker/dockerfile(?::(latest|labs|(\d+)(?:\.(\d+)(?:\.\d+)?)?(?:-labs)?))?$`)

// Embedded reports whether the frontend in this program replaces the selected one: it
// is as new, and the line pins no digest.
func (s Syntax) Embedded() bool {
	if s.Image == "" {
		return true
	}
	match := released.FindStringSubmatch(s.Image)
	if match == nil {
		return false
	}
	if match[2] == "" { // latest
		return true
	}
	major, minor := ownVersion()
	wantMajor, err := strconv.Atoi(match[2])
	if err != nil || wantMajor != major {
		return false
	}
	wantMinor, err := strconv.Atoi(match[3])
	return match[3] == "" || err == nil && wantMinor <= minor
}
