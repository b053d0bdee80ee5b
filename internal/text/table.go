package text

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Table prints rows in aligned columns, three spaces apart.
type Table struct {
	w   *tabwriter.Writer
	err error
}

// NewTable returns a table that prints to w.
func NewTable(w io.Writer) *Table {
	return &Table{w: tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)}
}

// Row adds a row, each cell on one line.
func (t *Table) Row(cells ...string) {
	for i := range cells {
		cells[i] = OneLine(cells[i])
	}
	if _, err := fmt.Fprintln(t.w, strings.Join(cells, "\t")); err != nil && t.err == nil {
		t.err = err
	}
}

// Flush prints the table and returns the first write error.
func (t *Table) Flush() error { return errors.Join(t.err, t.w.Flush()) }
