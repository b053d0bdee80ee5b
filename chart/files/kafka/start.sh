#!/bin/sh
# Runs Kafka as the main process of its container.
#
# - It requires only Kafka 4 in /opt/kafka, so that it works with the official
#   image and with one built from Kafka's jars.
# - The volume is formatted once. Kafka's tool writes meta.properties last and
#   atomically, so an interrupted format is repeated at the next start.
set -eu

config=/etc/kafka-node/server.properties
data=/var/lib/kafka/data/log
bin=/opt/kafka/bin

export LOG_DIR=/tmp EXTRA_ARGS='-name kafkaServer' # log to the container's output instead of files
export KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/etc/kafka-node/log4j2.yaml
export KAFKA_OPTS=-XX:+ExitOnOutOfMemoryError
# Use the image's class archive, if any: Kafka then starts in a third of the time.
[ ! -r /opt/kafka/kafka.jsa ] || KAFKA_OPTS="$KAFKA_OPTS -XX:SharedArchiveFile=/opt/kafka/kafka.jsa"

[ -s "$data/meta.properties" ] || "$bin/kafka-storage.sh" format --cluster-id "$CLUSTER_ID" --config "$config"
exec "$bin/kafka-server-start.sh" "$config"
