// Package release installs, upgrades and rolls back a Helm release and reports its status.
// Only this package and its subpackages import Helm.
//
// [Client.Observe] compares the fingerprint of the desired release with that of the
// deployed revision, and the objects of that revision with the live ones. [Client.Apply]
// decides what to do and runs Helm. All state is in Helm's release records; their labels
// hold the fingerprint, the commit and whether the revision was verified.
//
// # Unused parts of Helm
//
//   - Wait cannot be canceled and reports no reasons. Package rollout waits instead.
//   - Atomic would destroy the evidence of a failure. The caller decides when to roll back.
//   - MaxHistory would delete the verified revision after several failures.
//   - KUBECONFIG and HELM_* are not read. Helm gets only the caller's [rest.Config].
//   - Nothing is printed: Helm's log may contain Secrets. Errors that quote it are redacted.
//   - Nothing is fetched: no dependency updates, no remote schemas.
//
// Helm only logs a failure to set a status or to delete an object. It compares with only
// one earlier revision, so objects of failed revisions would stay. Method finish handles
// both.
package release
