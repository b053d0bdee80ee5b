#!/bin/sh
# kafka-run-class.sh CLASS ARGUMENT... runs a class of Kafka with the options
# that Kafka's own script takes from the environment.
# shellcheck disable=SC2086 # each holds several options
exec java $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS $KAFKA_LOG4J_OPTS $KAFKA_OPTS \
  -cp "$(printf '%s:' /opt/kafka/libs/*.jar)" "$@"
