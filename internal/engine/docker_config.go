package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/docker/cli/cli/config/configfile"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// hubKey is the name of Docker Hub in Docker's config. Other tools write hubAliases.
const hubKey = "https://index.docker.io/v1/"

var hubAliases = []string{"docker.io", "index.docker.io", hubHost, "https://index.docker.io/v2/", "https://" + hubHost}

type dockerConfig struct{ *configfile.ConfigFile }

// readDockerConfig reads Docker's config in dir. A missing file is an empty one.
func readDockerConfig(dir string) (dockerConfig, error) {
	path := filepath.Join(dir, "config.json")
	config := dockerConfig{configfile.New(path)}
	text, err := files.Read(path, files.ConfigLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return config, nil
	}
	if err == nil {
		err = config.LoadFromReader(bytes.NewReader(text))
	}
	if err != nil {
		return config, fmt.Errorf("read Docker's config %s: %w", path, err)
	}
	config.addHub()
	return config, nil
}

// addHub stores the credentials of Docker Hub under the key that docker's code reads.
func (c dockerConfig) addHub() {
	for _, alias := range hubAliases {
		if helper, found := c.CredentialHelpers[alias]; found && c.CredentialHelpers[hubKey] == "" {
			c.CredentialHelpers[hubKey] = helper
		}
		if auth, found := c.AuthConfigs[alias]; found {
			if _, found := c.AuthConfigs[hubKey]; !found {
				c.AuthConfigs[hubKey] = auth
			}
		}
	}
}

// helper returns the credential helper for a registry, or "".
func (c dockerConfig) helper(key string) string {
	if helper, found := c.CredentialHelpers[key]; found {
		return helper
	}
	return c.CredentialsStore
}

// Proxies returns the proxies in Docker's config for this engine as build arguments, like
// docker build. They may contain passwords, see [ProxySecrets].
func (e *Engine) Proxies() (map[string]string, error) {
	config, err := readDockerConfig(e.auth.dir)
	if err != nil {
		return nil, err
	}
	proxies := map[string]string{}
	for name, value := range config.ParseProxyConfig(e.Host(), nil) {
		proxies[name] = *value
	}
	return proxies, nil
}

// ProxySecrets returns what must be masked in the output of a build with the proxies.
func ProxySecrets(proxies map[string]string) []string {
	var secrets []string
	for _, name := range slices.Sorted(maps.Keys(proxies)) {
		at, err := url.Parse(proxies[name])
		if err != nil || at.User == nil {
			continue
		}
		secrets = append(secrets, at.User.String()+"@")
		if password, _ := at.User.Password(); password != "" {
			secrets = append(secrets, password, at.User.Username()+":"+password+"@")
		}
	}
	return slices.Compact(secrets)
}
