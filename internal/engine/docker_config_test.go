package engine

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
)

func TestEngine_Proxies(t *testing.T) {
	t.Parallel()
	const both = `{"proxies": {"default": {"httpProxy": "http://default:1", "ftpProxy": "http://default:2"}, "tcp://docker:2376": {"httpProxy": "http://own:1", "noProxy": "a,b"}}}`
	for name, test := range map[string]struct {
		config, host string
		want         map[string]string
	}{
		"default":     {both, "unix:///var/run/docker.sock", map[string]string{"HTTP_PROXY": "http://default:1", "http_proxy": "http://default:1", "FTP_PROXY": "http://default:2", "ftp_proxy": "http://default:2"}},
		"this engine": {both, "tcp://docker:2376", map[string]string{"HTTP_PROXY": "http://own:1", "http_proxy": "http://own:1", "NO_PROXY": "a,b", "no_proxy": "a,b"}},
		"none":        {`{}`, "tcp://docker:2376", map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			enginetest.WriteFiles(t, dir, map[string]string{"config.json": test.config})
			got, err := (&Engine{auth: newAuth(dir), endpoint: endpoint{host: test.host}}).Proxies()
			enginetest.NoError(t, err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProxySecrets(t *testing.T) {
	t.Parallel()
	text := "use http://me:p%40ss@proxy:3128 as me with p@ss"
	for _, secret := range ProxySecrets(map[string]string{"HTTP_PROXY": "http://me:p%40ss@proxy:3128", "NO_PROXY": "localhost"}) {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if want := "use http://***proxy:3128 as me with ***"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}
