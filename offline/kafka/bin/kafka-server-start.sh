#!/bin/sh
# kafka-server-start.sh PROPERTIES runs a broker, a controller or both.
exec /opt/kafka/bin/kafka-run-class.sh kafka.Kafka "$@"
