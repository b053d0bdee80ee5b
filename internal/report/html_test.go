package report

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

func renderPage(t *testing.T, events []event.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	render(t, NewHTML(HTMLOptions{
		Path: path, Command: "tkdeploy up --env ci",
		Explain: func(err error) string { return err.Error() + "\nhint: " + fault.HintOf(err) },
	}), events)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const hostile = `</title></svg></pre><script>alert(1)</script><img src="https://example.org/x" onerror=alert(1)> {{.}} "' ` + "\x00\x1b[31mred\x1b[0m"

func TestHTML_Close_golden(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]event.Event{
		"report-cold.html":     cold(),
		"report-failed.html":   crashing("container web: \x1b[31mcrashes\x1b[0m\n  panic: nil"),
		"report-canceled.html": stopped(),
		"report-broken.html":   upToRelease().events,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compareGolden(t, name, renderPage(t, events))
		})
	}
}

func TestHTML_Close(t *testing.T) {
	t.Parallel()
	// Messages come from containers, registries and charts, and must not become
	// markup.
	t.Run("escapes external text", func(t *testing.T) {
		t.Parallel()
		events := crashing(hostile)
		for i := range events {
			e := &events[i]
			for _, field := range []*string{&e.Item, &e.Message, &e.Reason, &e.Diagnostics} {
				if *field != "" {
					*field += hostile
				}
			}
		}
		page := renderPage(t, events)
		plain := renderPage(t, crashing("crashes"))
		if got, want := shape(t, page), shape(t, plain); got != want {
			t.Errorf("got elements\n%s\nwant\n%s", got, want)
		}
		if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") || strings.ContainsAny(page, "\x00\x1b") || !strings.Contains(page, "{{.}}") {
			t.Error("the page does not contain the escaped message")
		}
	})

	t.Run("has no external references", func(t *testing.T) {
		t.Parallel()
		page := renderPage(t, cold())
		if found := regexp.MustCompile(`(?i)https?:|\bsrc=|\bhref=|<script|<link|@import|url\(|\bon[a-z]+=`).FindAllString(page, -1); len(found) > 0 {
			t.Errorf("got external references %q, want none", found)
		}
		if !strings.Contains(page, "prefers-color-scheme: dark") {
			t.Error("the page has no dark theme")
		}
	})
}

func shape(t *testing.T, page string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(page))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var b strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, page)
		}
		if start, ok := token.(xml.StartElement); ok {
			b.WriteString(start.Name.Local)
			for _, a := range start.Attr {
				b.WriteString(" " + a.Name.Local)
			}
			b.WriteString("\n")
		}
	}
}

func TestHTML_chart(t *testing.T) {
	t.Parallel()
	for _, events := range [][]event.Event{cold(), crashing("crashes"), stopped(), upToRelease().events, nil} {
		h := NewHTML(HTMLOptions{})
		for _, e := range events {
			h.Report(e)
		}
		c := h.chart()
		for _, b := range c.Bars {
			if b.Width != 0 && (b.X < plotLeft || b.X+b.Width > plotLeft+plotWidth+minBar) || b.Y+barHeight > c.Height {
				t.Errorf("got a bar outside the picture: %+v", b)
			}
		}
		if len(c.Ticks) > 11 || len(events) > 0 && len(c.Ticks) < 3 {
			t.Errorf("got %d ticks, want 3 to 11", len(c.Ticks))
		}
	}
}

func TestTickStep(t *testing.T) {
	t.Parallel()
	for whole, want := range map[time.Duration]time.Duration{
		0: time.Millisecond, 90 * time.Millisecond: 10 * time.Millisecond, 4 * time.Second: 500 * time.Millisecond, 84 * time.Second: 10 * time.Second,
		18 * time.Minute: 2 * time.Minute, 30 * time.Hour: 4 * time.Hour,
	} {
		if got := tickStep(whole); got != want {
			t.Errorf("tickStep(%v): got %v, want %v", whole, got, want)
		}
	}
	for at, want := range map[time.Duration]string{0: "0s", 500 * time.Millisecond: "500ms", 90 * time.Second: "1m30s", 2 * time.Minute: "2m"} {
		if got := tickLabel(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
