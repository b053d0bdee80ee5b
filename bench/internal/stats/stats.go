// Package stats compares pairs of runs.
package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// A Ratio is how one arm stands to another over pairs of runs.
type Ratio struct {
	Median    float64 `json:"median"`
	Low, High float64 // 95 % interval of the median; both 0 with fewer than 3 pairs
	Pairs     int     `json:"pairs"`
}

// resamples are enough for an interval that moves by less than it is rounded to.
const resamples = 10_000

// Compare takes the ratios a[i]/b[i] of pairs. The interval is a percentile
// bootstrap of the median of their logarithms: whole pairs are drawn anew, so
// that what slows both runs of a pair does not count. The same pairs always give
// the same interval.
func Compare(a, b []float64) Ratio {
	logs := make([]float64, min(len(a), len(b)))
	for i := range logs {
		logs[i] = math.Log(a[i] / b[i])
	}
	r := Ratio{Pairs: len(logs)}
	if len(logs) == 0 {
		return r
	}
	r.Median = math.Exp(Median(logs))
	if len(logs) < 3 {
		return r
	}
	random := rand.New(rand.NewPCG(1, uint64(len(logs))))
	medians := make([]float64, resamples)
	drawn := make([]float64, len(logs))
	for i := range medians {
		for j := range drawn {
			drawn[j] = logs[random.IntN(len(logs))]
		}
		medians[i] = Median(drawn)
	}
	slices.Sort(medians)
	r.Low, r.High = math.Exp(medians[resamples*25/1000]), math.Exp(medians[resamples*975/1000])
	return r
}

// Median is the middle value, 0 of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Shuffled gives the arms in an order that depends on seed and block alone.
func Shuffled(arms []string, seed uint64, block int) []string {
	order := slices.Clone(arms)
	rand.New(rand.NewPCG(seed, uint64(block))).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
