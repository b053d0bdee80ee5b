package main

import (
	"time"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/postgres"
)

type settings struct {
	httpPort, grpcPort int
	database           postgres.Config
	redisAddr          string
	feedTTL            time.Duration
	drain              time.Duration
}

func readSettings(env *config.Env) settings {
	return settings{
		httpPort:  env.Port("PORT", 4002),
		grpcPort:  env.Port("GRPC_PORT", 5002),
		database:  postgres.FromEnv(env),
		redisAddr: env.Address("REDIS_ADDR"),
		feedTTL:   env.Duration("FEED_TTL", 10*time.Second),
		drain:     env.Duration("DRAIN", 5*time.Second),
	}
}
