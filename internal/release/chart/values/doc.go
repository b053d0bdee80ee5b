// Package values layers the values of a chart and checks them: their syntax, their types,
// the chart's schemas, and keys that nothing in the chart reads. Each message has a file,
// line and column, and no value, because values may be secret.
package values
