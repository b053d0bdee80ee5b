package release

import (
	"context"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// newHelm is action.Configuration.Init without its look at the environment,
// and with the records stored by a client of their own.
func newHelm(get *getter, clientset kubernetes.Interface, namespace string, o Options, log *helmLog) *action.Configuration {
	helmKube := kube.New(get)
	helmKube.Namespace = namespace
	helmKube.Log = log.printf
	secrets := driver.NewSecrets(clientset.CoreV1().Secrets(namespace))
	secrets.Log = log.printf
	return &action.Configuration{
		RESTClientGetter: get,
		KubeClient:       helmKube,
		Releases:         storage.Init(newRecords{secrets, o.User, o.Host}),
		Log:              log.printf,
	}
}

// run lets a Helm action work, which takes no context. When ctx ends, the
// action has the grace period to finish, so that the release is not left
// half-done (none if the lock was lost); after that its requests are refused and
// its last words are lost. The error is then ctx's.
func (c *Client) run(ctx context.Context, action func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- action() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := c.opts.Grace
	if fault.ClassOf(context.Cause(ctx)) == fault.Locked {
		grace = 0 // another run has taken the release over
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done: //nolint:errcheck // the caller gave up: the next run looks for itself
	case <-timer.C:
		c.gate.close()
	}
	return context.Cause(ctx)
}

// helmRun is the one place where Helm installs and upgrades. Wait and Atomic
// stay off, see the package comment. The values were validated by prepare and
// the objects are by preflight, so Helm's own checks are off: the first may use
// the network, the second downloads the API's schema and finds nothing.
func (c *Client) helmRun(s survey, dryRun bool) (*release.Release, error) {
	chart, err := reload(s.prepared.chart)
	if err != nil {
		return nil, err
	}
	values := runtime.DeepCopyJSON(s.prepared.values)
	dryRunOption := "none"
	if dryRun {
		dryRunOption = "server"
	}
	if s.decision.op == opInstall {
		return c.install(s, dryRunOption).Run(chart, values)
	}
	return c.upgrade(s, dryRunOption).Run(c.name, chart, values)
}

func (c *Client) install(s survey, dryRunOption string) *action.Install {
	install := action.NewInstall(c.helm)
	install.ReleaseName, install.Namespace = c.name, c.namespace
	install.DryRunOption = dryRunOption
	install.Replace = true // a history that ends in "uninstalled"
	install.Timeout = c.opts.HookTimeout
	install.Labels = s.prepared.labels(s.fingerprint)
	install.Description = s.decision.cause
	install.SkipSchemaValidation = true
	install.DisableOpenAPIValidation = true
	return install
}

func (c *Client) upgrade(s survey, dryRunOption string) *action.Upgrade {
	upgrade := action.NewUpgrade(c.helm)
	upgrade.Namespace = c.namespace
	upgrade.DryRunOption = dryRunOption
	upgrade.Timeout = c.opts.HookTimeout
	upgrade.Labels = upgradeLabels(s.prepared.labels(s.fingerprint))
	upgrade.Description = s.decision.cause
	upgrade.SkipSchemaValidation = true
	upgrade.DisableOpenAPIValidation = true
	upgrade.ResetValues = true // an empty config would else mean the last one
	return upgrade
}

// upgradeLabels adds the removal of those labels that Helm would else take over
// from the last revision: it spells it "null".
func upgradeLabels(labels map[string]string) map[string]string {
	for _, name := range []string{LabelCommit, LabelVerified} {
		if _, ok := labels[name]; !ok {
			labels[name] = "null"
		}
	}
	return labels
}
