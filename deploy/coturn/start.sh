#!/bin/sh
# Relay media where two peers cannot reach each other directly: short-lived HMAC credentials, no TCP relay, and no way from
# here into a private network.
set -eu
umask 077
cat >/tmp/turnserver.conf <<CONF
listening-port=3478
min-port=49160
max-port=49200
realm=wardlight
fingerprint
use-auth-secret
static-auth-secret=$(cat /run/secrets/turn_secret)
stale-nonce=600
no-tcp-relay
no-multicast-peers
no-cli
denied-peer-ip=0.0.0.0-0.255.255.255
denied-peer-ip=10.0.0.0-10.255.255.255
denied-peer-ip=100.64.0.0-100.127.255.255
denied-peer-ip=127.0.0.0-127.255.255.255
denied-peer-ip=169.254.0.0-169.254.255.255
denied-peer-ip=172.16.0.0-172.31.255.255
denied-peer-ip=192.0.0.0-192.0.0.255
denied-peer-ip=192.168.0.0-192.168.255.255
denied-peer-ip=198.18.0.0-198.19.255.255
denied-peer-ip=::1
denied-peer-ip=fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
denied-peer-ip=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff
log-file=stdout
simple-log
CONF
exec turnserver -c /tmp/turnserver.conf
