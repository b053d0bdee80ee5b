package tap

import (
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// inBlock returns false for the line that follows the block.
func (p *Parser) inBlock(line string) bool {
	content, indented := strings.CutPrefix(line, p.indent)
	switch {
	case indented && strings.TrimRight(content, " ") == "...":
		p.closeBlock()
		return true
	case !indented && strings.TrimSpace(line) != "":
		p.closeBlock()
		return false
	}
	if p.block.Len()+len(content) < maxBlock {
		p.block.WriteString(content)
		p.block.WriteByte('\n')
	}
	return true
}

// closeBlock adds the block to the newest step, unless it is invalid YAML.
func (p *Parser) closeBlock() {
	var block struct {
		Duration yaml.Node `yaml:"duration_ms"`
		Message  yaml.Node `yaml:"message"`
	}
	content := p.block.String()
	p.block = nil
	if yaml.Unmarshal([]byte(content), &block) != nil {
		return
	}
	p.last.Message = text.Printable(block.Message.Value, text.MaxMessage)
	p.last.Elapsed = milliseconds(block.Duration.Value)
}

// milliseconds returns 0 unless s is a number between 0 and one day.
func milliseconds(s string) time.Duration {
	ms, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(ms) || ms < 0 || ms > float64(24*time.Hour/time.Millisecond) {
		return 0
	}
	return time.Duration(ms * float64(time.Millisecond))
}
