// Package proto holds the contracts between the services: one folder per
// service and version, with the .proto file and the Go code made from it.
package proto

//go:generate go -C ../tools run ./protogen ../proto ../proto
