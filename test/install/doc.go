// Package install runs install.sh with a local server.
package install
