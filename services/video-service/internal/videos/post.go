package videos

import (
	"net/url"
	"slices"
	"strings"

	"tkdeploy.dev/tiktok/internal/refusal"
)

// Post is a video to create, with either a URL or content.
type Post struct {
	OwnerID     string
	Title       string
	Description string
	URL         string
	Content     Content
}

// MaxContent is the maximum content size in bytes. Larger files need a URL.
const MaxContent = 1 << 20

// contentTypes are types that browsers display without running code.
var contentTypes = []string{"video/mp4", "video/webm", "image/gif", "image/jpeg", "image/png", "image/webp"}

func (p Post) normal() Post {
	p.Title, p.Description, p.URL = strings.TrimSpace(p.Title), strings.TrimSpace(p.Description), strings.TrimSpace(p.URL)
	return p
}

func (p Post) validate() error {
	var fields refusal.Fields
	fields.Check(refusal.Printable(p.Title, 1, 100), "title", "must have 1 to 100 characters")
	fields.Check(refusal.Printable(p.Description, 0, 2000), "description", "must have up to 2000 characters")
	if (p.URL == "") == (len(p.Content.Data) == 0) {
		fields.Check(false, "url", "must be set unless content is")
		return fields.Err()
	}
	if p.URL != "" {
		fields.Check(isWebURL(p.URL), "url", "must be an http or https URL of up to 2048 characters")
		fields.Check(p.Content.Type == "", "content_type", "must be empty without content")
		return fields.Err()
	}
	fields.Check(len(p.Content.Data) <= MaxContent, "content", "must have up to 1 MiB")
	fields.Check(slices.Contains(contentTypes, p.Content.Type), "content_type", "must be one of "+strings.Join(contentTypes, ", "))
	return fields.Err()
}

// isWebURL rejects URLs that browsers run, such as javascript:.
func isWebURL(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && refusal.Printable(text, 1, 2048) && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != ""
}
