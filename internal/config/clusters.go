package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// clusters reports a kind cluster of two environments. Its nodes and its data have
// one owner.
func (k *checker) clusters() {
	where := func(env string) []string { return []string{"environments", env, "cluster", "kind", "name"} }
	inOrder := slices.SortedFunc(maps.Keys(k.config.Environments), func(a, b string) int {
		nodeA, nodeB := at(k.root, where(a)...), at(k.root, where(b)...)
		return cmp.Or(cmp.Compare(nodeA.Line, nodeB.Line), cmp.Compare(nodeA.Column, nodeB.Column), cmp.Compare(a, b))
	})
	users := map[string]string{}
	for _, env := range inOrder {
		kind := k.config.Environments[env].Cluster.Kind
		if kind == nil || kind.Name == "" {
			continue
		}
		if first, ok := users[kind.Name]; ok {
			k.report(fmt.Sprintf("cluster.kind.name: %s is the cluster of environment %s; a cluster has one owner", kind.Name, first), where(env)...)
			continue
		}
		users[kind.Name] = env
	}
}
