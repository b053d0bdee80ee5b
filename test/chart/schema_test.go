package chart_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// valuesSchema is the subset of JSON Schema that values.schema.json uses.
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

func TestSchema(t *testing.T) {
	t.Parallel()
	t.Run("accepts every key of values.yaml", func(t *testing.T) {
		t.Parallel()
		root := readSchema(t)
		open := []string{"postgresql.config.", "redis.config.", "kafka.config."}
		for _, v := range readValues(t) {
			free := slices.ContainsFunc(open, func(prefix string) bool { return strings.HasPrefix(v.path, prefix) })
			if !free && root.at(root, v.path) == nil {
				t.Errorf("%s is not in values.schema.json", v.path)
			}
		}
	})

	t.Run("has no keys beyond values.yaml", func(t *testing.T) {
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
				optional := key == "global" || key == "expose" || key == "sessionAffinity" // for some services only
				if !optional && !slices.Contains(paths, section+key) {
					t.Errorf("%s%s is in the schema, but not in values.yaml", section, key)
				}
			}
		}
	})

	t.Run("rejects unknown keys in all objects", func(t *testing.T) {
		t.Parallel()
		var walk func(path string, s *valuesSchema)
		walk = func(path string, s *valuesSchema) {
			open := path == "/global" || path == "/$defs/textMap"
			if s.Type == "object" && string(s.Additional) != "false" && !open {
				t.Errorf("%s accepts any key", path)
			}
			if s.Ref != "" && !strings.HasPrefix(s.Ref, "#/$defs/") {
				t.Errorf("%s refers to %s in another file", path, s.Ref)
			}
			for key, child := range s.Properties {
				walk(path+"/"+key, child)
			}
			for key, child := range s.Defs {
				walk(path+"/$defs/"+key, child)
			}
		}
		walk("", readSchema(t))
	})

	t.Run("rejects", func(t *testing.T) {
		t.Parallel()
		tests := map[string]string{
			"an unknown key":                 "logLevels=info",
			"an unknown service":             "services.auht.replicas=3",
			"a typo in a service":            "services.auth.replica=3",
			"a typo in an image":             "services.auth.image.repo=x",
			"a typo at depth five":           "services.auth.resources.limits.memroy=1Gi",
			"a typo in a probe":              "probes.readiness.period=1",
			"a typo in postgresql.auth":      "postgresql.auth.user=x",
			"a password":                     "postgresql.auth.password=x",
			"the tag latest":                 "services.auth.image.tag=latest",
			"the tag latest for Redis":       "redis.image.tag=latest",
			"no tag for Redis":               "redis.image.tag=",
			"text instead of a number":       "services.auth.replicas=two",
			"an unknown callee":              "services.auth.calls={postgres}",
			"an unknown secret":              "services.auth.secrets={DB_PASS}",
			"a node port out of range":       "services.gateway.expose.nodePort=4000",
			"an invalid size":                "postgresql.storage.size=big",
			"the superuser as login role":    "postgresql.auth.username=postgres",
			"more than one broker":           "kafka.replicas=3",
			"a heap without a unit":          "kafka.heap=big",
			"a broker without a port":        "kafka.brokers=kafka.example.com",
			"a typo in a callee":             "services.notification.calls={kakfa}",
			"a typo in the metrics server":   "metricsServer.insecure=true",
			"a resolution below the minimum": "metricsServer.resolutionSeconds=1",
			"a typo in the journey":          "journey.enable=false",
			"the tag latest for the journey": "journey.image.tag=latest",
		}
		for what, set := range tests {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				_, err := rendering{set: append([]string{set}, built[1])}.run()
				if err == nil || !strings.Contains(err.Error(), "schema") {
					t.Errorf("--set %s: got error %v, want a schema error", set, err)
				}
			})
		}
	})
}
