// Command smokeimage is the program in the image for the e2e tests of package
// verify. Its argument selects the tested app ("serve"), the probe ("probe") or a
// test hook ("journey", "journey broken", "hang").
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

func main() {
	if err := run(strings.Join(os.Args[1:], " ")); err != nil {
		log.Fatal(err)
	}
}

func run(command string) error {
	switch command {
	case "probe":
		checks, err := probe.Unpack(os.Getenv(probe.EnvChecks))
		if err != nil {
			return err
		}
		return probe.Run(context.Background(), checks, os.Stdout)
	case "journey":
		return journey("ok")
	case "journey broken":
		return journey("not ok")
	case "hang":
		fmt.Println("hanging")
		time.Sleep(time.Hour) // the runtime reports an empty select as a deadlock
		return nil
	case "serve":
		return serve()
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// journey writes TAP with two steps; second is the result of the second one.
func journey(second string) error {
	fmt.Printf("TAP version 14\n1..2\nok 1 - register\n  ---\n  duration_ms: 1.5\n  ...\n")
	fmt.Printf("%s 2 - feed\n  ---\n  message: \"GET http://feed: 500 no database\"\n  ...\n", second)
	if second != "ok" {
		return errors.New("a step failed")
	}
	return nil
}

// serve serves HTTP on port 4001 and gRPC health on port 5001.
func serve() error {
	listener, err := net.Listen("tcp", ":5001")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- http.ListenAndServe(":4001", http.HandlerFunc(handle)) }()
	return <-failed
}

// handle handles /health, /broken and /hang.
func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/health":
		fmt.Fprint(w, `{"status":"ok"}`)
	case "/broken":
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, `{"status":"no database"}`)
	case "/hang":
		<-r.Context().Done()
	default:
		http.NotFound(w, r)
	}
}
