// Package userconfig adds a cluster to the user's own kubeconfig and removes it.
package userconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Path returns the user's kubeconfig: the first existing file of $KUBECONFIG, or
// ~/.kube/config.
func Path() string { return clientcmd.NewDefaultPathOptions().GetDefaultFilename() }

// Add adds the entries of the kubeconfig file private to the user's kubeconfig at
// [Path]. It replaces entries of the same name and keeps the current context.
func Add(private string) error {
	from, err := read(private)
	if err != nil {
		return err
	}
	access := clientcmd.NewDefaultPathOptions()
	if err := checkReadable(access.GetLoadingPrecedence()); err != nil {
		return err
	}
	user, err := access.GetStartingConfig()
	if err != nil {
		return fmt.Errorf("read your kubeconfig: %w", err)
	}
	maps.Copy(user.Clusters, from.Clusters)
	maps.Copy(user.AuthInfos, from.AuthInfos)
	maps.Copy(user.Contexts, from.Contexts)
	if err := clientcmd.ModifyConfig(access, *user, true); err != nil {
		return fmt.Errorf("write your kubeconfig: %w", err)
	}
	return nil
}

// Remove removes the entries name of the cluster in the kubeconfig file private from
// the file at path. It does nothing if they belong to another cluster.
func Remove(private, path, name string) error {
	from, err := read(private)
	if err != nil {
		return err
	}
	if err := checkReadable([]string{path}); err != nil {
		return err
	}
	access := clientcmd.NewDefaultPathOptions()
	access.LoadingRules.ExplicitPath = path
	user, err := access.GetStartingConfig()
	if err != nil {
		return err
	}
	if !isSame(from.Clusters[name], user.Clusters[name]) {
		return nil
	}
	delete(user.Clusters, name)
	delete(user.AuthInfos, name)
	delete(user.Contexts, name)
	if user.CurrentContext == name {
		user.CurrentContext = ""
	}
	return clientcmd.ModifyConfig(access, *user, true)
}

// isSame compares what differs between any two clusters of a name.
func isSame(a, b *api.Cluster) bool {
	return a != nil && b != nil && a.Server == b.Server && bytes.Equal(a.CertificateAuthorityData, b.CertificateAuthorityData)
}

// checkReadable reads the user's files first, because client-go reads any file to its
// end.
func checkReadable(paths []string) error {
	for _, path := range paths {
		if _, err := files.Read(path, files.ConfigLimit); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Environment, fmt.Errorf("read your kubeconfig: %w", err), "set KUBECONFIG to another file")
		}
	}
	return nil
}

func read(path string) (*api.Config, error) {
	text, err := files.Read(path, files.ConfigLimit)
	if err != nil {
		return nil, fault.New(fault.Environment, fmt.Errorf("read kubeconfig: %w", err), "")
	}
	config, err := clientcmd.Load(text)
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w", path, err)
	}
	return config, nil
}
