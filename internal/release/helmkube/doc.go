// Package helmkube is the API client of Helm's actions.
//
// Helm waits for its hooks without a context, without a reason if one fails, and
// deletes them before anyone can read their logs. [Client] watches them with a function
// of the caller instead, marks their objects as the release's own, and records how much
// an action has written. See [Operation].
package helmkube
