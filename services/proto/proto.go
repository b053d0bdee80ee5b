// Package proto contains the gRPC APIs and their generated code, one directory
// per service and version.
package proto

//go:generate go -C ../tools run ./protogen ../proto ../proto
