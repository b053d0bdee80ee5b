package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

// Find returns the path of tkdeploy.yaml in dir or the nearest directory above
// it.
func Find(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		path := filepath.Join(at, FileName)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if at == filepath.Dir(at) {
			return "", fault.New(fault.Config, fmt.Errorf("%s not found in %s or a directory above it", FileName, dir),
				"change to the directory of your app, or set --config FILE")
		}
	}
}

// Load reads and validates the file at path. It returns all problems as one
// [fault.Config] error that wraps [strictyaml.Problems].
func Load(path string) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", path, err)
	}
	data, err := files.Read(abs, files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Config, fmt.Errorf("config file %s not found", path), "set --config FILE")
	}
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read config: %w", err), "")
	}
	config := &Config{Dir: filepath.Dir(abs)}
	problems := strictyaml.Decode(path, data, config)
	if len(problems) == 0 {
		root, _ := strictyaml.Parse(path, data)
		problems = config.check(path, root)
	}
	return config, fault.New(fault.Config, problems.Err(), "")
}

// Env returns the named environment. An unknown name is a [fault.Usage] error
// that suggests the nearest one.
func (c *Config) Env(name string) (Environment, error) {
	if env, ok := c.Environments[name]; ok {
		return env, nil
	}
	known := slices.Sorted(maps.Keys(c.Environments))
	return Environment{}, fault.New(fault.Usage, fmt.Errorf("unknown environment %q in %s", name, FileName),
		strictyaml.DidYouMean(name, known, "the environments are: "+strings.Join(known, ", ")))
}
