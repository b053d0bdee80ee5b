#!/bin/sh
# kafka-storage.sh format|info|random-uuid … is about a node's folders.
exec /opt/kafka/bin/kafka-run-class.sh kafka.tools.StorageTool "$@"
