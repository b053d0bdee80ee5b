package nodeload

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLegacyIDs(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(legacyExample.dirs, legacyIDs(legacyExample.diffIDs, time.UTC)); diff != "" {
		t.Errorf("legacyIDs() differs (-want +got):\n%s", diff)
	}
}

// legacyExample is an image exported by Docker 20.10.24.
var legacyExample = struct{ diffIDs, dirs []string }{
	diffIDs: []string{
		"sha256:e1745ea8b5ed133fbebabc864a5cceb5191a5f5c02fd86a3c82da94bb9945ea2",
		"sha256:9821526e8ab8f617539403b7c1b42ff5e42a42662fab06270b296f9876ca0d0d",
		"sha256:a65b615f4fa35750d6a030033e99dd0e3c432f43d29a72db697b58c1413c4d13",
	},
	dirs: []string{ // without the topmost layer
		"aaf6f3be539c34dc68015f6914fc22fcb433ef7d9a3178831ade81f82427449e",
		"cf9731833ac836af901703b7ca49748f0729d0edecaf2279f8ac83f69f9e312a",
	},
}
