#!/bin/sh
# Runs PostgreSQL as the main process of its container.
#
# - It relies on nothing of the image but PostgreSQL 15 or later on the PATH, so
#   that the official image and a distribution's package both do.
# - The first pod is the primary, every other one a streaming replica of it.
# - A data directory appears by one rename: killed at any moment, the next start
#   finds either a whole one or none.
# - Roles, passwords and the database are set from the environment at every
#   start, so that a new password needs a restart and nothing else.
set -eu

new="$PGDATA.new"
provisioned=/run/postgresql/provisioned # the readiness probe looks for it
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
	[ ! -d "$PGDATA" ] || rmdir "$PGDATA" # fails, and rightly, if anything is in it
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
	export PGPASSWORD="$DB_REPLICATION_PASSWORD" # for the copy and for the stream
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
	echo "start.sh: the roles and the database could not be set up: stopping" >&2
	failed=1
	kill -INT "$server" || true
fi

# A signal ends wait early, with PostgreSQL still on its way down.
status=0
while kill -0 "$server" 2>/dev/null; do
	wait "$server" && status=0 || status=$?
done
exit $((failed ? failed : status))
