package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	values := []float64{9, 1, 4, 2}
	if got := Median(values); got != 3 || values[0] != 9 {
		t.Errorf("got %v, values %v, want 3 and unchanged values", got, values)
	}
	if Median([]float64{7, 1, 2}) != 2 || Median(nil) != 0 {
		t.Error("got wrong median of three or of no values")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	var a, b, again []float64
	for range 15 {
		machine := math.Exp(random.NormFloat64()) // affects both runs of a pair
		a = append(a, 0.25*machine*math.Exp(0.05*random.NormFloat64()))
		b = append(b, machine*math.Exp(0.05*random.NormFloat64()))
		again = append(again, machine*math.Exp(0.05*random.NormFloat64()))
	}
	r := Compare(a, b)
	if r.Pairs != 15 || r.Median < 0.23 || r.Median > 0.27 || r.Low >= r.Median || r.High <= r.Median || r.High > 0.3 {
		t.Errorf("ratio 0.25: got %+v", r)
	}
	if noise := Compare(again, b); noise.Low > 1 || noise.High < 1 {
		t.Errorf("ratio 1: got %+v, want an interval around 1", noise)
	}
	if r != Compare(a, b) {
		t.Error("got different results for the same pairs")
	}
	if few := Compare(a[:2], b); few.Low != 0 || few.Pairs != 2 || few.Median == 0 {
		t.Errorf("two pairs: got %+v, want a median without interval", few)
	}
	if none := Compare(nil, b); none != (Ratio{}) {
		t.Errorf("no pairs: got %+v, want the zero Ratio", none)
	}
}

func TestShuffle(t *testing.T) {
	t.Parallel()
	arms := []string{"a", "b", "c", "d"}
	seen := map[string]bool{}
	for block := range 200 {
		order := Shuffle(arms, 1, block)
		if !slices.Equal(order, Shuffle(arms, 1, block)) {
			t.Fatal("got different orders for the same seed and block")
		}
		seen[strings.Join(order, "")] = true
	}
	if len(seen) != 24 || !slices.Equal(arms, []string{"a", "b", "c", "d"}) {
		t.Errorf("got %d orders in 200 blocks, arms %v, want 24 and unchanged arms", len(seen), arms)
	}
}
