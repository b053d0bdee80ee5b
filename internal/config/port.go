package config

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Port publishes a node port of the cluster on this machine. It is written as
// HOST:NODE, like docker's -p, or as one number for both.
type Port struct{ Host, Node int32 }

// UnmarshalYAML decodes "4000:30400" or 30400.
func (p *Port) UnmarshalYAML(n *yaml.Node) error {
	host, node, both := strings.Cut(n.Value, ":")
	if !both {
		node = host
	}
	var err error
	if p.Host, err = portNumber(host); err == nil {
		p.Node, err = portNumber(node)
	}
	if n.Kind != yaml.ScalarNode || err != nil {
		return fmt.Errorf("line %d: want HOST:NODE with ports from 1 to 65535, such as \"4000:30400\"", n.Line)
	}
	return nil
}

func portNumber(s string) (int32, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return int32(n), err
}
