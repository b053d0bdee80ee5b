// Package cause explains why an image must be built: it compares the inputs with
// those of images that were built before.
package cause

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// Kind is the type of an input.
type Kind string

// The kinds of inputs. Their order is that of an explanation.
const (
	Base     Kind = "base"     // Name is the reference, Value the ID
	Argument Kind = "argument" // of the build
	Setting  Kind = "setting"  // such as the target
	Secret   Kind = "secret"   // only its name is an input
	File     Kind = "file"     // Value is the content or the target of a link
	Dir      Kind = "folder"
)

// Input is one input of an image.
type Input struct {
	Kind  Kind
	Name  string
	Mode  string // of a file or directory
	Value string // stored only as a hash
}

// Instruction is one instruction of a Dockerfile.
type Instruction struct {
	Line    int
	Keyword string // such as RUN
	Text    string // stored only as a hash
}

// Inputs are all inputs of an image.
type Inputs struct {
	Inputs       []Input
	Dockerfile   string // base name
	Text         []byte // of the Dockerfile
	Instructions []Instruction
}

// record is the stored form of Inputs. It contains no values.
type record struct {
	Ref          string            `json:"ref"`
	Inputs       map[string]stored `json:"inputs"` // by kind and name
	Text         string            `json:"text"`
	Instructions []string          `json:"instructions"`
	WithoutFiles bool              `json:"withoutFiles,omitempty"`
}

type stored struct {
	Mode string `json:"m,omitempty"`
	Hash string `json:"h,omitempty"`
}

func (i Input) key() string { return string(i.Kind) + " " + i.Name }

// hasher returns short hashes of inputs. Its key keeps values from being compared with
// those of other machines, and with tables of common values.
type hasher []byte

func (h hasher) hash(value string) string {
	mac := hmac.New(sha256.New, h)
	mac.Write([]byte(value))
	return base64.RawStdEncoding.EncodeToString(mac.Sum(nil)[:9])
}

func (h hasher) record(ref string, in Inputs) record {
	r := record{Ref: ref, Inputs: map[string]stored{}, Text: h.hash(string(in.Text))}
	for _, i := range in.Inputs {
		r.Inputs[i.key()] = stored{i.Mode, h.hash(i.Value)}
	}
	for _, i := range in.Instructions {
		r.Instructions = append(r.Instructions, h.hash(i.Text))
	}
	return r
}
