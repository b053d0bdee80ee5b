#!/bin/sh
# Runs PostgreSQL as the main process of its container.
#
# - It requires only PostgreSQL 15 or later in PATH, so that it works with the
#   official image and with a distribution's package.
# - The first pod is the primary, the others are streaming replicas.
# - The data directory is created atomically by a rename, so an interrupted
#   creation is repeated at the next start.
# - Roles, passwords and the database are set from the environment at every start,
#   so that changing a password requires only a restart.
set -eu

new="$PGDATA.new"
provisioned=/run/postgresql/provisioned # checked by the readiness probe
export PGHOST=/run/postgresql

create_primary() {
	initdb --pgdata="$new" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
		--data-checksums --auth=reject
}

create_replica() {
	until pg_isready --quiet --host="$PRIMARY_HOST"; do sleep 1; done
	pg_basebackup --pgdata="$new" --host="$PRIMARY_HOST" --username=replicator --checkpoint=fast
	touch "$new/standby.signal"
}

create() {
	rm -rf "$new"
	[ ! -d "$PGDATA" ] || rmdir "$PGDATA" # fails if it contains anything, to protect the data
	if [ "$role" = primary ]; then create_primary; else create_replica; fi
	sync
	mv "$new" "$PGDATA"
}

provision() {
	[ "$role" = primary ] || return 0
	until pg_isready --quiet --username=postgres; do
		kill -0 "$server" || return 1
		sleep 0.2
	done
	psql --no-psqlrc --quiet --username=postgres --dbname=postgres --file=/etc/postgres/provision.sql
}

case "$POD_NAME" in
*-0) role=primary ;;
*)
	role=replica
	export PGPASSWORD="$DB_REPLICATION_PASSWORD" # for pg_basebackup and for streaming
	;;
esac

trap 'exit 143' TERM INT
rm -f "$provisioned"
[ -s "$PGDATA/PG_VERSION" ] || create

postgres -D "$PGDATA" -c config_file=/etc/postgres/postgresql.conf \
	-c primary_conninfo="host=$PRIMARY_HOST user=replicator application_name=$POD_NAME" &
server=$!
trap 'kill -INT "$server"' TERM INT # SIGINT is PostgreSQL's fast shutdown

failed=0
if provision; then
	touch "$provisioned"
else
	echo "start.sh: setting up the roles and the database failed: stopping" >&2
	failed=1
	kill -INT "$server" || true
fi

# A signal interrupts wait while PostgreSQL is still shutting down.
status=0
while kill -0 "$server" 2>/dev/null; do
	wait "$server" && status=0 || status=$?
done
exit $((failed ? failed : status))
