// Package nightly tests hack/nightly.sh with stand-ins for make, tkdeploy and
// docker. The real thing deploys the whole stack; it is the nightly job itself.
package nightly
