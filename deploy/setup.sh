#!/bin/sh
# Make a virtual environment that holds exactly the packages of some lock files, and this project.
# Usage: deploy/setup.sh FOLDER LOCK...      A folder that is up to date is left as it is.
set -eu

folder=$1
shift
python=${PYTHON:-python3}
stamp="$folder/.locked"

say() { printf '%s\n' "$*" >&2; }

if ! command -v "$python" >/dev/null 2>&1; then
    say "setup: $python is not installed; install Python 3.11 or newer, or name it with PYTHON=..."
    exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "setup: $("$python" --version) is too old; install Python 3.11 or newer, or name it with PYTHON=..."
    exit 2
fi

wanted=$(cat "$@" pyproject.toml deploy/setup.sh | cksum)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x "$folder/bin/python" ]; then
    exit 0
fi

make_folder() { "$python" -m venv --clear "$folder" >/dev/null 2>&1; }
if ! make_folder; then
    # Debian keeps venv in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "setup: installing python3-venv"
        apt-get update -qq >&2
        apt-get install -y -qq --no-install-recommends python3-venv >&2
    fi
    if ! make_folder; then
        say "setup: $python cannot make a virtual environment; install the package python3-venv and try again"
        exit 2
    fi
fi

for lock in "$@"; do
    say "setup: installing $lock"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$lock" >&2
done
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
    --editable . >&2
printf '%s\n' "$wanted" >"$stamp"
