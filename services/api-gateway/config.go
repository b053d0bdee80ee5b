package main

import (
	"time"

	"tkdeploy.dev/tiktok/api-gateway/internal/clientip"
	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/token"
)

type settings struct {
	httpPort int
	authAddr string
	// Empty if not deployed.
	videoAddr, interactionAddr, notificationAddr string

	redisAddr  string
	secret     []byte
	rateLimit  int
	rateWindow time.Duration
	trusted    clientip.Trusted
	drain      time.Duration
}

func readSettings(env *config.Env) settings {
	return settings{
		httpPort:         env.Port("PORT", 4000),
		authAddr:         env.Address("AUTH_SERVICE_ADDR"),
		videoAddr:        env.OptionalAddress("VIDEO_SERVICE_ADDR"),
		interactionAddr:  env.OptionalAddress("INTERACTION_SERVICE_ADDR"),
		notificationAddr: env.OptionalAddress("NOTIFICATION_SERVICE_ADDR"),
		redisAddr:        env.Address("REDIS_ADDR"),
		secret:           env.Secret("JWT_ACCESS_SECRET", token.MinSecret),
		rateLimit:        env.Count("RATE_LIMIT", 30),
		rateWindow:       env.Duration("RATE_WINDOW", time.Minute),
		trusted:          env.Networks("TRUSTED_PROXIES"),
		drain:            env.Duration("DRAIN", 5*time.Second),
	}
}
