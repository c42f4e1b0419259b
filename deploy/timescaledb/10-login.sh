#!/bin/sh
# On the database's first start: the login of Wardlight's processes. It is a member of the application's role and nothing more;
# `wardlight migrate` grants that role what it may do.
set -eu
password="$(cat "${SECRETS:-/run/secrets}/database_password")"
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=password="$password" --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE wardlight_app NOLOGIN;
CREATE ROLE wardlight LOGIN PASSWORD :'password' IN ROLE wardlight_app;
SQL
