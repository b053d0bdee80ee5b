package chart_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// A valuesSchema is the part of JSON Schema that values.schema.json uses.
type valuesSchema struct {
	Ref        string                   `json:"$ref"`
	Type       string                   `json:"type"`
	Properties map[string]*valuesSchema `json:"properties"`
	Additional json.RawMessage          `json:"additionalProperties"`
	Defs       map[string]*valuesSchema `json:"$defs"`
}

func readSchema(t *testing.T) *valuesSchema {
	t.Helper()
	content, err := os.ReadFile(chartDir + "/values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var root valuesSchema
	if err := json.Unmarshal(content, &root); err != nil {
		t.Fatal(err)
	}
	return &root
}

// at follows a path of keys, or gives nil.
func (s *valuesSchema) at(root *valuesSchema, path string) *valuesSchema {
	for key := range strings.SplitSeq(path, ".") {
		if s = s.resolved(root); s.Properties[key] == nil {
			return nil
		}
		s = s.Properties[key]
	}
	return s.resolved(root)
}

func (s *valuesSchema) resolved(root *valuesSchema) *valuesSchema {
	if s.Ref == "" {
		return s
	}
	return root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
}

func TestTheSchemaKnowsEveryValue(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	open := []string{"postgresql.config.", "redis.config.", "kafka.config."}
	for _, v := range readValues(t) {
		free := slices.ContainsFunc(open, func(prefix string) bool { return strings.HasPrefix(v.path, prefix) })
		if !free && root.at(root, v.path) == nil {
			t.Errorf("values.schema.json does not know %s", v.path)
		}
	}
}

func TestValuesHaveEveryKeyOfTheSchema(t *testing.T) {
	t.Parallel()
	root := readSchema(t)
	var paths []string
	for _, v := range readValues(t) {
		paths = append(paths, v.path)
	}
	for _, section := range []string{"", "networkPolicy.", "probes.", "services.auth.", "services.auth.autoscaling.", "postgresql.", "postgresql.auth.", "postgresql.storage.", "redis.", "redis.storage.", "kafka.", "kafka.storage.", "metricsServer.", "journey."} {
		s := root
		if section != "" {
			s = root.at(root, strings.TrimSuffix(section, "."))
		}
		for key := range s.Properties {
			optional := key == "global" || key == "expose" || key == "sessionAffinity" // some services have them
			if !optional && !slices.Contains(paths, section+key) {
				t.Errorf("values.yaml lacks %s%s, which the schema has", section, key)
			}
		}
	}
}

func TestEveryObjectOfTheSchemaIsClosedOrOpenOnPurpose(t *testing.T) {
	t.Parallel()
	var walk func(path string, s *valuesSchema)
	walk = func(path string, s *valuesSchema) {
		open := path == "/global" || path == "/$defs/textMap"
		if s.Type == "object" && string(s.Additional) != "false" && !open {
			t.Errorf("%s accepts any key", path)
		}
		if s.Ref != "" && !strings.HasPrefix(s.Ref, "#/$defs/") {
			t.Errorf("%s refers to %s, which is not in the file", path, s.Ref)
		}
		for key, child := range s.Properties {
			walk(path+"/"+key, child)
		}
		for key, child := range s.Defs {
			walk(path+"/$defs/"+key, child)
		}
	}
	walk("", readSchema(t))
}

func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a key that nobody reads":        "logLevels=info",
		"an unknown service":             "services.auht.replicas=3",
		"a typo in a service":            "services.auth.replica=3",
		"a typo in an image":             "services.auth.image.repo=x",
		"a typo five levels deep":        "services.auth.resources.limits.memroy=1Gi",
		"a typo in a probe":              "probes.readiness.period=1",
		"a typo in the database's":       "postgresql.auth.user=x",
		"a password":                     "postgresql.auth.password=x",
		"the tag latest":                 "services.auth.image.tag=latest",
		"the tag latest of a store":      "redis.image.tag=latest",
		"a store without a tag":          "redis.image.tag=",
		"a number as text":               "services.auth.replicas=two",
		"a flow to nowhere":              "services.auth.calls={postgres}",
		"a secret that does not exist":   "services.auth.secrets={DB_PASS}",
		"a node port out of range":       "services.gateway.expose.nodePort=4000",
		"a size without meaning":         "postgresql.storage.size=big",
		"the superuser for the services": "postgresql.auth.username=postgres",
		"more brokers than one":          "kafka.replicas=3",
		"a heap without a unit":          "kafka.heap=big",
		"a broker without its port":      "kafka.brokers=kafka.example.com",
		"a store of messages misspelt":   "services.notification.calls={kakfa}",
		"a typo in the metrics server":   "metricsServer.insecure=true",
		"measuring without a pause":      "metricsServer.resolutionSeconds=1",
		"a typo in the journey":          "journey.enable=false",
		"the tag latest of the journey":  "journey.image.tag=latest",
	}
	for what, set := range tests {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			_, err := rendering{set: append([]string{set}, built[1])}.run()
			if err == nil || !strings.Contains(err.Error(), "schema") {
				t.Errorf("--set %s: error %v, want the schema's", set, err)
			}
		})
	}
}
