package main

import (
	"time"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/postgres"
	"tkdeploy.dev/tiktok/internal/token"
)

type settings struct {
	httpPort, grpcPort    int
	database              postgres.Config
	redisAddr             string
	secret                []byte
	accessTTL, refreshTTL time.Duration
	drain                 time.Duration
}

func readSettings(env *config.Env) settings {
	return settings{
		httpPort:   env.Port("PORT", 4001),
		grpcPort:   env.Port("GRPC_PORT", 5001),
		database:   postgres.FromEnv(env),
		redisAddr:  env.Address("REDIS_ADDR"),
		secret:     env.Secret("JWT_ACCESS_SECRET", token.MinSecret),
		accessTTL:  env.Duration("JWT_ACCESS_TTL", 15*time.Minute),
		refreshTTL: env.Duration("REFRESH_TTL", 30*24*time.Hour),
		drain:      env.Duration("DRAIN", 5*time.Second),
	}
}
