package main

import (
	"time"

	"tkdeploy.dev/tiktok/internal/config"
	"tkdeploy.dev/tiktok/internal/postgres"
)

type settings struct {
	httpPort, grpcPort int
	database           postgres.Config
	brokers            []string
	drain              time.Duration
}

func readSettings(env *config.Env) settings {
	return settings{
		httpPort: env.Port("PORT", 4004),
		grpcPort: env.Port("GRPC_PORT", 5004),
		database: postgres.FromEnv(env),
		brokers:  env.Addresses("KAFKA_BROKERS"),
		drain:    env.Duration("DRAIN", 5*time.Second),
	}
}
