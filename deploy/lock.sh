#!/bin/sh
# Write the lock files: exact versions with hashes for every Python from 3.11 on, naming no index.
# Usage: deploy/lock.sh BIN      BIN is the folder of an environment that has uv.
set -eu
bin=$1
folder=deploy/locks
# They go together: they are chosen aside and change place at the end, so that a stop on the way changes none.
chosen=$(mktemp -d "$folder/.choosing.XXXXXX")
trap 'rm -rf "$chosen"' EXIT
trap 'exit 130' INT TERM
compile() {
    name=$1
    shift
    "$bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --upgrade "$@" --output-file "$chosen/$name"
    printf 'lock: %s chosen\n' "$name" >&2
}
# setuptools builds the project itself, so every environment needs it. What a smaller file names, a larger one names in
# the same version: an environment holds several of them.
compile bench.txt pyproject.toml --group dev --group bench
compile dev.txt pyproject.toml --group dev --constraint "$chosen/bench.txt"
compile runtime.txt pyproject.toml --group build --constraint "$chosen/dev.txt"
# An environment of its own, without the project's packages: nothing that examines them is among them.
compile audit.txt --group audit
mv "$chosen"/*.txt "$folder/"
