//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// testDeletedStores deletes the pod of each store while a user comments on a video.
// Requests may fail until the store is back, but each acknowledged comment must be stored
// once and cause one notification.
func testDeletedStores(t *testing.T, p *project) {
	client := p.kube(t)
	author, fan := newUser(t, "author"), newUser(t, "fan")
	video := author.postVideo(t, "durable")
	var acknowledged []string
	failed := 0
	comment := func() bool {
		text := fmt.Sprintf("comment %d", len(acknowledged)+failed)
		code, _, err := fan.send(t.Context(), "POST", video+"/comments", `{"text":"`+text+`"}`)
		if err != nil || code != 201 {
			failed++
			return false
		}
		acknowledged = append(acknowledged, text)
		return true
	}
	for _, pod := range []string{"redis-0", "kafka-0", "postgres-0"} {
		start := time.Now()
		replacePod(t, client, pod, func() { comment() })
		for succeeded := 0; succeeded < 5; succeeded++ {
			if !comment() {
				succeeded = 0
			}
			if time.Since(start) > 2*time.Minute {
				t.Fatalf("%s deleted: comments still fail after 2 minutes", pod)
			}
		}
		t.Logf("%s deleted: comments succeed after %s; %d acknowledged, %d failed", pod, time.Since(start).Round(100*time.Millisecond), len(acknowledged), failed)
	}
	stored := map[string]int{}
	fan.eachPage(t, video+"/comments", func(p page) {
		for _, c := range p.Comments {
			stored[c.Text]++
		}
	})
	for _, text := range acknowledged {
		if stored[text] != 1 {
			t.Errorf("acknowledged comment %q: got it stored %d times, want 1", text, stored[text])
		}
	}
	waitForNotifications(t, author, len(stored))
	author.deleteAccount(t)
	fan.deleteAccount(t)
}

func replacePod(t *testing.T, client kubernetes.Interface, name string, poll func()) {
	t.Helper()
	all := client.CoreV1().Pods(stackNamespace)
	old, err := all.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := all.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		poll()
		pod, err := all.Get(ctx, name, metav1.GetOptions{})
		if err == nil && pod.UID != old.UID && isReady(*pod) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("pod %s not ready 2 minutes after its deletion: %v", name, err)
		}
	}
}

// waitForNotifications waits for n notifications, without duplicates.
func waitForNotifications(t *testing.T, u user, n int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		count, ids := 0, map[string]bool{}
		u.eachPage(t, "/api/v1/notifications", func(p page) {
			for _, n := range p.Notifications {
				count++
				ids[n.ID] = true
			}
		})
		if count == n && len(ids) == n {
			return
		}
		if count > n || time.Now().After(deadline) {
			t.Fatalf("got %d notifications with %d IDs, want %d", count, len(ids), n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
