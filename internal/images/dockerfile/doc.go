// Package dockerfile reads Dockerfiles: the frontend that they select, their stages, and the
// arguments that they declare.
package dockerfile
