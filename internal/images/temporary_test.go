package images

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestIsLeftover(t *testing.T) {
	t.Parallel()
	ended := exec.CommandContext(t.Context(), "true")
	enginetest.NoError(t, ended.Run())
	for ref, want := range map[string]bool{
		temporaryRef("docker.io/acme/web:0123456789ab"):                                     false, // of this process
		fmt.Sprintf("acme/web:building-%s-%d-0123456789ab", machine(), ended.Process.Pid):   true,
		fmt.Sprintf("r:5000/web:building-%s-%d-0123456789ab", machine(), ended.Process.Pid): true,
		fmt.Sprintf("acme/web:building-00000000-%d-0123456789ab", ended.Process.Pid):        false, // of another machine
		"acme/web:0123456789ab":    false,
		"acme/web:building-2-days": false,
	} {
		if got := isLeftover(ref); got != want {
			t.Errorf("%s: got leftover %t, want %t", ref, got, want)
		}
	}
	if got, want := temporaryRef("r:5000/web:ab12"), fmt.Sprintf("r:5000/web:building-%s-%d-ab12", machine(), os.Getpid()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
