#!/bin/sh
# Make a virtual environment that holds at least the packages of some lock files, and this project.
# Usage: deploy/setup.sh FOLDER LOCK...      What is up to date is left as it is; what is missing is added in place.
# Several at once wait for each other: processes that run from the folder are never disturbed by a second set-up.
set -eu

folder=$1
shift
python=${PYTHON:-python3}
stamps="$folder/.setup"

say() { printf 'setup: %s\n' "$*" >&2; }

fingerprint() { { printf '%s\n' "$PWD/$folder" && cat "$1"; } | cksum; }
holds() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$(fingerprint "$2")" ]; }

up_to_date() {
    [ -x "$folder/bin/python" ] && holds project pyproject.toml || return 1
    for lock in "$@"; do
        holds "$(basename "$lock")" "$lock" || return 1
    done
}

if up_to_date "$@"; then
    exit 0
fi

if ! command -v "$python" >/dev/null 2>&1; then
    say "$python is not installed; install Python 3.11 or newer, or name it with PYTHON=..."
    exit 2
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    say "$("$python" --version) is too old; install Python 3.11 or newer, or name it with PYTHON=..."
    exit 2
fi

# The lock ends with this process, however it ends. Python takes it, since flock(1) is not everywhere.
exec 9>"$folder.lock"
take_lock() { "$python" -c 'import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | (fcntl.LOCK_NB if sys.argv[1] == "now" else 0))
except BlockingIOError:
    sys.exit(1)' "$1"; }
if ! take_lock now; then
    say "another set-up of $folder is at work; waiting for it"
    take_lock patiently
    if up_to_date "$@"; then
        exit 0
    fi
fi

# Nothing has ever run from a folder that no set-up has finished, nor from one that was copied or moved here.
ready() { [ -x "$folder/bin/python" ] && "$folder/bin/python" -m pip --version >/dev/null 2>&1; }
belongs_here() { [ "$(cat "$stamps/place")" = "$PWD/$folder" ]; }
if [ -d "$folder" ] && ! { ready && { [ ! -f "$stamps/place" ] || belongs_here; }; }; then
    say "$folder is not whole; making it anew"
    rm -rf "$folder"
fi
if [ ! -d "$folder" ]; then
    say "making $folder with $("$python" --version)"
    if ! said=$("$python" -m venv "$folder" 2>&1); then
        rm -rf "$folder"
        printf '%s\n' "$said" >&2
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "$python cannot make a virtual environment, see above; on Debian and Ubuntu install the package" \
            "python$version-venv (apt-get install python$version-venv) and try again"
        exit 2
    fi
fi
mkdir -p "$stamps"
printf '%s\n' "$PWD/$folder" >"$stamps/place"

install() { "$folder/bin/python" -m pip install --disable-pip-version-check --no-input --no-deps "$@"; }

# A line for each package on a terminal, written over the one before; elsewhere nothing until it is done.
show_progress() {
    package=0
    while read -r word name rest; do
        case "$word $name $rest" in
        "Collecting "*) ;;
        "Requirement already satisfied"*) name=${rest#*: } ;;
        "Installing collected packages"*) name="unpacking" ;;
        *) continue ;;
        esac
        package=$((package + 1))
        [ ! -t 2 ] || printf '\r\033[Ksetup: %s of about %s: %.50s' "$package" "$1" "${name%% *}" >&2
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
}

# pip writes a package's RECORD last: one without it was cut off, and would count as installed.
"$folder/bin/python" -c 'import importlib.metadata as found, shutil
for package in list(found.distributions()):
    if package.read_text("RECORD") is None and str(getattr(package, "_path", "")).endswith(".dist-info"):
        shutil.rmtree(package._path)'

for lock in "$@"; do
    if holds "$(basename "$lock")" "$lock"; then
        continue
    fi
    packages=$(grep -c '^[a-zA-Z0-9].*==' "$lock")
    say "installing $lock into $folder, up to $packages packages; a minute or two the first time"
    failed=$(mktemp)
    { install --require-hashes --requirement "$lock" || echo failed >"$failed"; } | show_progress "$packages"
    result=$(cat "$failed")
    rm -f "$failed"
    if [ -n "$result" ]; then
        say "pip could not install $lock, see above; what is installed is kept, and the next try goes on from there"
        exit 1
    fi
    fingerprint "$lock" >"$stamps/$(basename "$lock")"
done
if ! holds project pyproject.toml; then
    install --quiet --no-build-isolation --editable . >&2
    fingerprint pyproject.toml >"$stamps/project"
fi
say "$folder is ready"
