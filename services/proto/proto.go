// Package proto contains the APIs between the services: one directory per
// service and version, with the .proto file and the generated Go code.
package proto

//go:generate go -C ../tools run ./protogen ../proto ../proto
