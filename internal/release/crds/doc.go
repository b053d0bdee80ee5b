// Package crds applies the definitions of custom resources that a chart has in its
// folder crds/. Helm installs them once, and never changes one.
//
// The definitions belong to no revision of the release: they are applied before it, and
// kept by a rollback, an uninstall, and when the chart drops them, because deleting one
// deletes all resources of its kind.
package crds
