package frontend

import (
	"fmt"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	digest "github.com/opencontainers/go-digest"
)

// checkCopies returns an error for options of COPY and ADD that an older engine would
// ignore. The converter means to require them, but records nothing for copies
// (github.com/moby/buildkit, client/llb/fileop.go: FileOp.Marshal calls addCaps too early).
func checkCopies(definition *llb.Definition, supported func(apicaps.CapID) error, file string) error {
	for _, raw := range definition.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return err
		}
		for _, action := range op.GetFile().GetActions() {
			option, capability := copyOption(action.GetCopy())
			if option != "" && supported(capability) != nil {
				return fmt.Errorf("%s%s needs a newer Docker engine", place(definition, digest.FromBytes(raw), file), option)
			}
		}
	}
	return nil
}

func copyOption(c *pb.FileActionCopy) (option string, capability apicaps.CapID) {
	switch {
	case len(c.GetExcludePatterns()) > 0:
		return "--exclude", pb.CapFileCopyIncludeExcludePatterns
	case len(c.GetIncludePatterns()) > 0:
		return "--parents", pb.CapFileCopyIncludeExcludePatterns
	case c.GetModeStr() != "":
		return "--chmod with a symbolic mode", pb.CapFileCopyModeStringFormat
	}
	return "", ""
}

// place returns "FILE:LINE: " of an operation, or "".
func place(definition *llb.Definition, op digest.Digest, file string) string {
	if definition.Source == nil {
		return ""
	}
	for _, location := range definition.Source.Locations[op.String()].GetLocations() {
		for _, r := range location.GetRanges() {
			return fmt.Sprintf("%s:%d: ", file, r.GetStart().GetLine())
		}
	}
	return ""
}
