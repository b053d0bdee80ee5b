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

// deletedStores deletes each store's pod while a fan comments on a video. The
// stack recovers by itself; a comment that was acknowledged is there afterwards
// and made one notification. Meanwhile a request may be refused: that is said
// to who sent it.
func testDeletedStores(t *testing.T, p *project) {
	client := p.kube(t)
	author, fan := newUser(t, "author"), newUser(t, "fan")
	video := author.postVideo(t, "durable")
	var acknowledged []string
	refused := 0
	comment := func() bool {
		text := fmt.Sprintf("comment %d", len(acknowledged)+refused)
		code, _, err := fan.send(t.Context(), "POST", video+"/comments", `{"text":"`+text+`"}`)
		if err != nil || code != 201 {
			refused++
			return false
		}
		acknowledged = append(acknowledged, text)
		return true
	}
	for _, pod := range []string{"redis-0", "kafka-0", "postgres-0"} {
		start := time.Now()
		replacePod(t, client, pod, func() { comment() })
		for good := 0; good < 5; good++ {
			if !comment() {
				good = 0
			}
			if time.Since(start) > 2*time.Minute {
				t.Fatalf("2 minutes after %s was deleted, comments are still refused", pod)
			}
		}
		t.Logf("%s deleted: comments are taken again after %s; %d acknowledged, %d refused", pod, time.Since(start).Round(100*time.Millisecond), len(acknowledged), refused)
	}
	stored := map[string]int{}
	fan.eachPage(t, video+"/comments", func(p page) {
		for _, c := range p.Comments {
			stored[c.Text]++
		}
	})
	for _, text := range acknowledged {
		if stored[text] != 1 {
			t.Errorf("%q was acknowledged and is there %d times", text, stored[text])
		}
	}
	waitForNotifications(t, author, len(stored))
	author.deleteAccount(t)
	fan.deleteAccount(t)
}

// replacePod deletes a StatefulSet's pod and calls meanwhile until its successor is ready.
func replacePod(t *testing.T, client kubernetes.Interface, name string, meanwhile func()) {
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
		meanwhile()
		pod, err := all.Get(ctx, name, metav1.GetOptions{})
		if err == nil && pod.UID != old.UID && isReady(*pod) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("%s is not back: %v", name, err)
		}
	}
}

// notified waits until who is told of n comments, and sees that none is told twice.
func waitForNotifications(t *testing.T, who user, n int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		told, ids := 0, map[string]bool{}
		who.eachPage(t, "/api/v1/notifications", func(p page) {
			for _, n := range p.Notifications {
				told++
				ids[n.ID] = true
			}
		})
		if told == n && len(ids) == n {
			return
		}
		if told > n || time.Now().After(deadline) {
			t.Fatalf("%d notifications, %d of them different, of %d comments", told, len(ids), n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
