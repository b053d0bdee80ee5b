// Package ratelimit limits the request rate of clients, with counters in Redis.
package ratelimit

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// timeout limits the delay of a request.
const timeout = 200 * time.Millisecond

// count returns the requests in the current window and the milliseconds until it
// ends.
var count = redis.NewScript(`
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('PTTL', KEYS[1])}
`)

// Limiter allows each client a number of requests per window. Use [New].
//
// It fails open: without Redis every request is allowed and counted in
// rate_limit_failed_open_total.
type Limiter struct {
	redis      redis.Scripter
	limit      int64
	window     time.Duration
	failedOpen prometheus.Counter
}

// New returns a Limiter.
func New(client redis.Scripter, limit int, window time.Duration, metrics prometheus.Registerer) *Limiter {
	failedOpen := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "rate_limit_failed_open_total", Help: "Requests that were allowed because Redis could not count them.",
	})
	metrics.MustRegister(failedOpen)
	return &Limiter{redis: client, limit: int64(limit), window: window, failedOpen: failedOpen}
}

// Take counts a request. It returns 0 if the request is allowed, otherwise the
// time until the window ends.
func (l *Limiter) Take(ctx context.Context, client string) (wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	result, err := count.Run(ctx, l.redis, []string{"gateway:rate:" + client}, l.window.Milliseconds()).Int64Slice()
	if err != nil || len(result) != 2 {
		l.failedOpen.Inc()
		return 0
	}
	if result[0] <= l.limit {
		return 0
	}
	return max(time.Duration(result[1])*time.Millisecond, time.Millisecond)
}
