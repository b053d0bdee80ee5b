// Package nightly tests hack/nightly.sh with fakes of make, tkdeploy and docker.
package nightly
