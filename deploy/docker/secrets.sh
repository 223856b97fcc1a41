#!/bin/sh
# Make random passwords for docker-compose.yml, in files that containers read under /run/secrets.
# Usage: deploy/docker/secrets.sh [FOLDER]      A file that is there already is never replaced.
set -eu

folder=${1:-"$(cd "$(dirname "$0")/.." && pwd)/secrets"}
made=0

random() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
password() { random 24; }

# keep FILE FORMAT [TEXT...]: make a file unless it is there.
keep() {
    file=$1
    shift
    if [ -e "$folder/$file" ]; then return; fi
    # shellcheck disable=SC2059  # the format is the caller's
    printf "$@" >"$folder/.new"
    mv "$folder/.new" "$folder/$file"
    made=$((made + 1))
}

mkdir -p "$folder"
# Containers run as other users than the one who makes these: each file is open to all, the folder to nobody else.
chmod 700 "$folder"
umask 022

keep postgres_password '%s\n' "$(password)"
for user in owner ingest strategy executor api upkeep; do
    keep "database_url_$user" 'postgresql://scalpbot_%s:%s@postgres:5432/scalpbot\n' "$user" "$(password)"
done
keep rabbitmq_admin.conf 'default_user = scalpbot_admin\ndefault_pass = %s\ndefault_vhost = scalpbot\n' "$(password)"
keep rabbitmq_url_admin 'amqp://scalpbot_admin:%s@rabbitmq:5672/scalpbot\n' \
    "$(sed -n 's/^default_pass = //p' "$folder/rabbitmq_admin.conf")"
for user in ingest strategy executor; do
    keep "rabbitmq_url_$user" 'amqp://scalpbot_%s:%s@rabbitmq:5672/scalpbot\n' "$user" "$(password)"
done
keep api_first_password '%s\n' "$(password)"
keep audit_anchor_key 'audit-anchor-private-%s\n' "$(random 32)"
printf 'secrets: made %s files in %s and kept the others\n' "$made" "$folder" >&2
printf 'secrets: the first user of the API is admin, with the password in %s/api_first_password\n' "$folder" >&2
