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
	videoAddr          string
	drain              time.Duration
}

func readSettings(env *config.Env) settings {
	return settings{
		httpPort:  env.Port("PORT", 4003),
		grpcPort:  env.Port("GRPC_PORT", 5003),
		database:  postgres.FromEnv(env),
		brokers:   env.Addresses("KAFKA_BROKERS"),
		videoAddr: env.Address("VIDEO_SERVICE_ADDR"),
		drain:     env.Duration("DRAIN", 5*time.Second),
	}
}
