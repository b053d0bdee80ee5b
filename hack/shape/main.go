// Command shape reports Go packages with more than 20 files or 2,500 lines, or
// more than 6 files that use each other in a circle. Test files do not count.
//
//	shape PACKAGE...
package main

import (
	"fmt"
	"os"
)

// The limits of a package. See docs/adr/0016-package-layout.md.
const (
	maxFiles  = 20
	maxLines  = 2500
	maxCircle = 6
)

func main() {
	problems, err := check(".", os.Args[1:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}
