// Package vex checks .vex/tkdeploy.openvex.json, the statements about vulnerabilities in
// linked modules that do not affect tkdeploy.
package vex
