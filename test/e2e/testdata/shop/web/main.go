// Command web serves /health with the status code in HEALTH, 200 by default. If CRASH is
// set, it logs that message and exits with code 1; if DONE is set, with code 0. If NOTES is
// set, it stores notes in that file.
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
	if message := os.Getenv("DONE"); message != "" {
		log.Print(message)
		return
	}
	status, err := strconv.Atoi(os.Getenv("HEALTH"))
	if err != nil {
		status = http.StatusOK
	}
	if path := os.Getenv("NOTES"); path != "" {
		serveNotes(path, os.Getenv("PASSWORD"))
	}
	http.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintln(w, "the shop is", http.StatusText(status))
	})
	log.Fatal(http.ListenAndServe(":8080", nil))
}
