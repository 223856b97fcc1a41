#!/bin/sh
# Write the lock files: exact versions with hashes for every Python from 3.11 on, naming no index.
# Usage: deploy/lock.sh BIN      BIN is the folder of an environment that has uv.
set -eu
bin=$1
folder=deploy/locks
compile() {
    output=$1
    shift
    "$bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
        --no-emit-index-url --no-emit-find-links --upgrade "$@" --output-file "$output"
}
# setuptools builds the project itself, so every environment needs it.
compile "$folder/bench.txt" pyproject.toml --group dev --group bench
compile "$folder/dev.txt" pyproject.toml --group dev --constraint "$folder/bench.txt"
compile "$folder/runtime.txt" pyproject.toml --group build --constraint "$folder/dev.txt"
