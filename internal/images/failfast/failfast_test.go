package failfast

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
)

func TestGroup_Context(t *testing.T) {
	t.Parallel()
	t.Run("ends after the first failure and the grace", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := New()
			short, cancelShort := g.Context(t.Context(), 5*time.Second)
			defer cancelShort()
			long, cancelLong := g.Context(t.Context(), time.Minute)
			defer cancelLong()
			time.Sleep(time.Hour)
			synctest.Wait()
			if short.Err() != nil || long.Err() != nil {
				t.Fatalf("got %v and %v before a failure, want no end", short.Err(), long.Err())
			}
			g.Fail()
			time.Sleep(4 * time.Second)
			g.Fail() // a second failure does not extend the time
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if !Stopped(short) || long.Err() != nil {
				t.Errorf("got %v and %v after 6 s, want only the first stopped", context.Cause(short), context.Cause(long))
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if !Stopped(long) {
				t.Errorf("got %v after the grace, want %v", context.Cause(long), ErrStopped)
			}
		})
	})

	t.Run("ends with its parent", func(t *testing.T) {
		t.Parallel()
		parent, cancelParent := context.WithCancel(t.Context())
		ctx, cancel := New().Context(parent, time.Minute)
		defer cancel()
		cancelParent()
		if <-ctx.Done(); Stopped(ctx) {
			t.Errorf("got %v, want the parent's cause", context.Cause(ctx))
		}
	})
}

func TestGroup_Watch(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[event.Outcome]bool{event.Failed: true, event.Done: false, event.Canceled: false} {
		synctest.Test(t, func(t *testing.T) {
			g := New()
			passed := 0
			ctx, cancel := g.Context(t.Context(), 0)
			defer cancel()
			g.Watch(event.ReporterFunc(func(event.Event) { passed++ })).Report(event.Finished("web", outcome, "", 0, 0))
			time.Sleep(time.Second)
			synctest.Wait()
			if Stopped(ctx) != want || passed != 1 {
				t.Errorf("%s: got stopped %t and %d events, want %t and 1", outcome, Stopped(ctx), passed, want)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	broken := errors.New("exit code 1")
	if got := Failures(errors.Join(ErrStopped, broken, ErrStopped)); got == nil || got.Error() != broken.Error() {
		t.Errorf("got %v, want %v", got, broken)
	}
	if got := Failures(nil); got != nil {
		t.Errorf("got %v, want no error", got)
	}
}
