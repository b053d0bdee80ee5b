package verify

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

// inBlock takes a line of a YAML block, which may be its last. A line that is
// indented less ends the block as well and is none of it.
func (t *tap) inBlock(line string) bool {
	inside, indented := strings.CutPrefix(line, t.indent)
	switch {
	case indented && strings.TrimRight(inside, " ") == "...":
		t.closeBlock()
		return true
	case !indented && strings.TrimSpace(line) != "":
		t.closeBlock()
		return false
	}
	if t.block.Len()+len(inside) < maxBlock {
		t.block.WriteString(inside)
		t.block.WriteByte('\n')
	}
	return true
}

// closeBlock adds to the newest point what its block says of it. A block that
// is no YAML says nothing.
func (t *tap) closeBlock() {
	var block struct {
		Duration yaml.Node `yaml:"duration_ms"`
		Message  yaml.Node `yaml:"message"`
	}
	text := t.block.String()
	t.block = nil
	if yaml.Unmarshal([]byte(text), &block) != nil {
		return
	}
	t.last.message = probe.OneLine([]byte(block.Message.Value), inText)
	t.last.elapsed = milliseconds(block.Duration.Value)
}

// milliseconds is 0 for what is no time of this world.
func milliseconds(text string) time.Duration {
	ms, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(ms) || ms < 0 || ms > float64(24*time.Hour/time.Millisecond) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
