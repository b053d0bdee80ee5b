package values

import "regexp"

// commentedKey matches a line such as "# nameOverride: shop" or "## @param nameOverride Name".
var commentedKey = regexp.MustCompile(`(?m)^\s*#+\s*(?:- )?(?:([A-Za-z_][\w-]*):(?:\s|$)|@param\s+(?:[\w-]+\.)*([\w-]+)\s)`)

// commentedKeys returns the keys that a values.yaml documents as comments, wherever they
// are.
func commentedKeys(data []byte) map[string]bool {
	keys := map[string]bool{}
	for _, match := range commentedKey.FindAllSubmatch(data, -1) {
		keys[string(match[1])+string(match[2])] = true
	}
	return keys
}
