// Package nightly tests hack/nightly.sh with fakes of make, tkdeploy and docker. The
// nightly job itself runs the script with the real programs.
package nightly
