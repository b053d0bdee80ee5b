#!/bin/sh
# kafka-run-class.sh CLASS ARGUMENT... runs a Kafka class. It reads the same
# environment variables as Kafka's own script.
# shellcheck disable=SC2086 # each holds several options
exec java $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS $KAFKA_LOG4J_OPTS $KAFKA_OPTS \
  -cp "$(printf '%s:' /opt/kafka/libs/*.jar)" "$@"
