#!/bin/sh
# kafka-storage.sh format|info|random-uuid … manages a node's log directories.
exec /opt/kafka/bin/kafka-run-class.sh kafka.tools.StorageTool "$@"
