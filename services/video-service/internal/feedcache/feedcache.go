// Package feedcache caches the feed's first page in Redis.
//
// A page is valid only in the generation that it was read in. Each change starts
// a new generation. Deleting the page instead would be a race, because a reader
// could store an old page after the deletion.
package feedcache

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"tkdeploy.dev/tiktok/video-service/internal/videos"
)

const (
	pageKey       = "video:feed:first"
	generationKey = "video:feed:generation"
)

// timeout limits the delay of a request.
const timeout = 200 * time.Millisecond

// Cache implements [videos.Cache]. Use [New].
//
// Without Redis the feed comes from the database. A change that cannot start a
// generation becomes visible when the page expires.
type Cache struct {
	redis *redis.Client
	ttl   time.Duration
	log   *slog.Logger
	reads *prometheus.CounterVec
}

var _ videos.Cache = (*Cache)(nil)

// New returns a Cache whose page expires after ttl. 0 disables caching.
func New(client *redis.Client, ttl time.Duration, log *slog.Logger, metrics prometheus.Registerer) *Cache {
	c := &Cache{redis: client, ttl: ttl, log: log, reads: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "feed_cache_reads_total", Help: "Reads of the feed's first page, by result: hit, miss or error.",
	}, []string{"result"})}
	metrics.MustRegister(c.reads)
	return c
}

type entry struct {
	Generation string
	Page       videos.Page
}

// First implements [videos.Cache].
func (c *Cache) First(ctx context.Context) (videos.Page, bool, func(context.Context, videos.Page)) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	values, err := c.redis.MGet(ctx, generationKey, pageKey).Result()
	if err != nil {
		c.reads.WithLabelValues("error").Inc()
		c.log.DebugContext(ctx, "feed not read from the cache", "error", err)
		return videos.Page{}, false, func(context.Context, videos.Page) {}
	}
	generation, _ := values[0].(string) // nil until the first change
	stored, _ := values[1].(string)
	var cached entry
	if stored != "" && json.Unmarshal([]byte(stored), &cached) == nil && cached.Generation == generation {
		c.reads.WithLabelValues("hit").Inc()
		return cached.Page, true, nil
	}
	c.reads.WithLabelValues("miss").Inc()
	return videos.Page{}, false, func(ctx context.Context, fresh videos.Page) { c.put(ctx, entry{generation, fresh}) }
}

func (c *Cache) put(ctx context.Context, e entry) {
	if c.ttl == 0 { // Redis would keep it forever
		return
	}
	data, err := json.Marshal(e)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		err = c.redis.Set(ctx, pageKey, data, c.ttl).Err()
	}
	if err != nil {
		c.log.DebugContext(ctx, "feed not cached", "error", err)
	}
}

// Invalidate implements [videos.Cache].
func (c *Cache) Invalidate(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.redis.Set(ctx, generationKey, rand.Text(), 0).Err(); err != nil {
		c.log.WarnContext(ctx, "feed not invalidated: may be stale until its TTL expires", "for", c.ttl.String(), "error", err)
	}
}
