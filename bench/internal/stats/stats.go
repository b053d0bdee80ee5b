// Package stats computes medians and ratios of paired measurements.
package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Ratio is the ratio of two arms over pairs of runs.
type Ratio struct {
	Median    float64 `json:"median"`
	Low, High float64 // 95 % interval; both 0 with fewer than 3 pairs
	Pairs     int     `json:"pairs"`
}

// resamples is large enough that the interval varies by less than its rounding.
const resamples = 10_000

// Compare returns the median of the ratios a[i]/b[i] and its interval, a percentile
// bootstrap of the median of their logarithms. It resamples whole pairs, so anything that
// slows down both runs of a pair cancels out. It is deterministic.
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
	sample := make([]float64, len(logs))
	for i := range medians {
		for j := range sample {
			sample[j] = logs[random.IntN(len(logs))]
		}
		medians[i] = Median(sample)
	}
	slices.Sort(medians)
	r.Low, r.High = math.Exp(medians[resamples*25/1000]), math.Exp(medians[resamples*975/1000])
	return r
}

// Median returns the median of values, or 0 if there are none.
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

// Shuffle returns the arms in a random order that depends only on seed and block.
func Shuffle(arms []string, seed uint64, block int) []string {
	order := slices.Clone(arms)
	rand.New(rand.NewPCG(seed, uint64(block))).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}
