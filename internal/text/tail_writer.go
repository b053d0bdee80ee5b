package text

// TailWriter is an io.Writer that keeps the last Limit bytes.
type TailWriter struct {
	Limit int

	kept    []byte
	dropped int
}

// Write never fails.
func (t *TailWriter) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if len(t.kept) > 2*t.Limit {
		t.trim()
	}
	return len(p), nil
}

func (t *TailWriter) trim() {
	if over := len(t.kept) - t.Limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
		t.dropped += over
	}
}

// Bytes returns the last bytes written, until the next write, and how many there were
// before them.
func (t *TailWriter) Bytes() (kept []byte, dropped int) {
	t.trim()
	return t.kept, t.dropped
}
