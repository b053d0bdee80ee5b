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

func pageOf(t *testing.T, events []event.Event) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "report.html")
	told(t, NewHTML(HTMLOptions{
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

func TestHTML(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]event.Event{
		"report-cold.html":     cold(),
		"report-failed.html":   crashing("container web: \x1b[31mcrashes\x1b[0m\n  panic: nil"),
		"report-canceled.html": stopped(),
		"report-broken.html":   upToRelease().events,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			isGolden(t, name, pageOf(t, events))
		})
	}
}

// A message must not become a part of the page, wherever it stands: it comes
// from containers, registries and charts.
func TestWhatIsSaidIsOnlyTextOfThePage(t *testing.T) {
	t.Parallel()
	events := crashing(hostile)
	for i := range events { // and everything else that comes from outside
		e := &events[i]
		for _, field := range []*string{&e.Item, &e.Message, &e.Reason, &e.Diagnostics} {
			if *field != "" {
				*field += hostile
			}
		}
	}
	page := pageOf(t, events)
	plain := pageOf(t, crashing("crashes"))
	if got, want := shape(t, page), shape(t, plain); got != want {
		t.Errorf("the page's elements are others:\n%s\nwant\n%s", got, want)
	}
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") || strings.ContainsAny(page, "\x00\x1b") || !strings.Contains(page, "{{.}}") {
		t.Error("the message is not told as it is")
	}
}

// shape is the page's elements and attributes, without what stands in them.
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

func TestThePageIsWholeInItself(t *testing.T) {
	t.Parallel()
	page := pageOf(t, cold())
	if found := regexp.MustCompile(`(?i)https?:|\bsrc=|\bhref=|<script|<link|@import|url\(|\bon[a-z]+=`).FindAllString(page, -1); len(found) > 0 {
		t.Errorf("asks for %q", found)
	}
	if !strings.Contains(page, "prefers-color-scheme: dark") {
		t.Error("there is no dark page")
	}
}

func TestBarsStayInThePicture(t *testing.T) {
	t.Parallel()
	for _, events := range [][]event.Event{cold(), crashing("crashes"), stopped(), upToRelease().events, nil} {
		h := NewHTML(HTMLOptions{})
		for _, e := range events {
			h.Report(e)
		}
		c := h.chart()
		for _, b := range c.Bars {
			if b.Width != 0 && (b.X < plotLeft || b.X+b.Width > plotLeft+plotWidth+thinnest) || b.Y+barHeight > c.Height {
				t.Errorf("out of the picture: %+v", b)
			}
		}
		if len(c.Ticks) > 11 || len(events) > 0 && len(c.Ticks) < 3 {
			t.Errorf("%d ticks", len(c.Ticks))
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	t.Parallel()
	for whole, want := range map[time.Duration]time.Duration{
		0: time.Millisecond, 90 * time.Millisecond: 10 * time.Millisecond, 4 * time.Second: 500 * time.Millisecond, 84 * time.Second: 10 * time.Second,
		18 * time.Minute: 2 * time.Minute, 30 * time.Hour: 4 * time.Hour,
	} {
		if got := tickStep(whole); got != want {
			t.Errorf("of %v: got %v, want %v", whole, got, want)
		}
	}
	for at, want := range map[time.Duration]string{0: "0s", 500 * time.Millisecond: "500ms", 90 * time.Second: "1m30s", 2 * time.Minute: "2m"} {
		if got := tickLabel(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
