// Command web serves /health as its environment says: with the status HEALTH,
// or, if CRASH is set, not at all.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
)

func main() {
	if message := os.Getenv("CRASH"); message != "" {
		log.Fatal(message)
	}
	status, err := strconv.Atoi(os.Getenv("HEALTH"))
	if err != nil {
		status = http.StatusOK
	}
	http.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintln(w, "the shop is", http.StatusText(status))
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
