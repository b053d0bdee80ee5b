#!/bin/sh
# Runs Kafka as the main process of its container.
#
# - It relies on nothing of the image but Kafka 4 in /opt/kafka, so that the
#   official image and one made from Kafka's jars both do.
# - The volume is formatted once. Kafka's tool writes meta.properties last, in
#   one rename: killed at any moment, the next start finds a whole one or none.
set -eu

config=/etc/kafka-node/server.properties
data=/var/lib/kafka/data/log
bin=/opt/kafka/bin

export LOG_DIR=/tmp EXTRA_ARGS='-name kafkaServer' # no log files: they go to the container's output
export KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/etc/kafka-node/log4j2.yaml
export KAFKA_OPTS=-XX:+ExitOnOutOfMemoryError
# An archive of Kafka's classes, where the image has one: the start takes a third of the time.
[ ! -r /opt/kafka/kafka.jsa ] || KAFKA_OPTS="$KAFKA_OPTS -XX:SharedArchiveFile=/opt/kafka/kafka.jsa"

[ -s "$data/meta.properties" ] || "$bin/kafka-storage.sh" format --cluster-id "$CLUSTER_ID" --config "$config"
exec "$bin/kafka-server-start.sh" "$config"
