// Smokeimage is the program of the image that the e2e tests of package verify
// need: it is the app to be tested ("serve"), the probe ("probe") and test hooks
// ("journey", "journey broken", "hang").
package main

import (
	"context"
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
		time.Sleep(time.Hour) // an empty select would be taken for a deadlock
		return nil
	case "serve":
		return serve()
	default:
		return fmt.Errorf("command %q is unknown", command)
	}
}

// journey writes TAP, its second step with the given result.
func journey(second string) error {
	fmt.Printf("TAP version 14\n1..2\nok 1 - register\n  ---\n  duration_ms: 1.5\n  ...\n")
	fmt.Printf("%s 2 - feed\n  ---\n  message: \"GET http://feed: 500 no database\"\n  ...\n", second)
	if second != "ok" {
		return fmt.Errorf("a step failed")
	}
	return nil
}

// serve answers HTTP on 4001 and gRPC health on 5001.
func serve() error {
	listener, err := net.Listen("tcp", ":5001")
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(listener) }()
	go func() { failed <- http.ListenAndServe(":4001", http.HandlerFunc(answer)) }()
	return <-failed
}

// answer does what the path says: /health is well.
func answer(w http.ResponseWriter, r *http.Request) {
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
