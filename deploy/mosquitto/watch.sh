#!/bin/sh
# Run Mosquitto, and have it read its passwords again when they change: `wardlight device add` writes them from another
# container, into a folder that both share, and cannot send a signal here. Mosquitto reads a copy that is its own.
set -eu
shared=/mosquitto/credentials
own=/mosquitto/data
secrets=/run/secrets
wardlight=10001 # the image's user, who writes the passwords

take() { install -o mosquitto -g mosquitto -m 0400 "$1" "$own/$2"; }
state() { cksum <"$shared/passwords"; }

umask 077
install -d -o "$wardlight" -g "$wardlight" -m 0700 "$shared"
[ -f "$shared/passwords" ] || : >"$shared/passwords"
for account in ingest theengs; do
    if [ -f "$secrets/mqtt_${account}_password" ]; then
        mosquitto_passwd -b "$shared/passwords" "$account" "$(cat "$secrets/mqtt_${account}_password")"
    fi
done
chown "$wardlight:$wardlight" "$shared/passwords"
take /mosquitto/config/acl acl
take "$secrets/mqtt_certificate" certificate.pem
take "$secrets/mqtt_key" key.pem
take "$shared/passwords" passwords
seen="$(state)"

mosquitto -c /mosquitto/config/mosquitto.conf &
broker=$!
trap 'kill -TERM "$broker"' TERM INT
while kill -0 "$broker" 2>/dev/null; do
    now="$(state)"
    if [ "$now" != "$seen" ]; then
        seen="$now"
        take "$shared/passwords" passwords
        kill -HUP "$broker"
    fi
    sleep 1 &
    wait $! || true
done
wait "$broker"
