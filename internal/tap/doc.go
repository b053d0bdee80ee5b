// Package tap reads the Test Anything Protocol (https://testanything.org),
// versions 13 and 14, from a log.
package tap
