#!/bin/sh
# Ask the database of pip-audit whether a package of the lock files is known to be vulnerable.
# Usage: deploy/audit.sh BIN      BIN is the folder of an environment that has pip-audit.
# Ends with 0: none is; 1: some are, and they are named; 2: nobody answered, so that nothing is known.
set -eu
bin=$1
folder=deploy/locks

say() { printf 'audit: %s\n' "$*" >&2; }

asked=$(mktemp -d)
trap 'rm -rf "$asked"' EXIT
trap 'exit 130' INT TERM

# ask NAME FILE...: have the packages of some files looked up. What is found is in NAME.found, what is said in NAME.said;
# pip-audit ends with 1 in either case, but writes down what it found only when it was answered.
ask() {
    name=$1
    shift
    for file; do set -- "$@" --requirement "$file" && shift; done
    "$bin/pip-audit" --strict --no-deps --disable-pip --progress-spinner off --timeout 30 --format columns \
        --output "$asked/$name.found" "$@" >"$asked/$name.said" 2>&1
}

# For somebody who answers without knowing anything, no package is vulnerable; this one is, and will always be.
echo 'urllib3==1.24.1' >"$asked/known.txt"
if ask known "$asked/known.txt" || ! [ -s "$asked/known.found" ]; then
    say "no database of vulnerabilities answers from here, so nothing is known about the packages of $folder;" \
        "try again with a network that reaches one"
    exit 2
fi

# Markers are left out, so that every version is looked up, whatever is installed here; a file may name a package once.
cat "$folder"/*.txt | sed -n 's/^\([a-zA-Z0-9._-]*==[^ ;]*\).*/\1/p' | sort -u |
    awk -F '==' -v folder="$asked" '{ print > (folder "/packages" ++seen[$1] ".txt") }'
if ask all "$asked"/packages*.txt; then
    say "no package of $folder is known to be vulnerable"
elif [ -s "$asked/all.found" ]; then
    cat "$asked/all.found"
    say "these packages of $folder are known to be vulnerable"
    exit 1
else
    say "the database of vulnerabilities did not answer for all packages of $folder, so nothing is known:" \
        "$(tail -n 1 "$asked/all.said")"
    exit 2
fi
