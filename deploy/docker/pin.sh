#!/bin/sh
# Write the digests of the images that docker-compose.yml uses to .env, which compose reads: with them an image is what
# it was, wherever its tag moves to.
# Usage: deploy/docker/pin.sh [--renew]      --renew fetches what the tags stand for today before it writes.
set -eu

folder=$(cd "$(dirname "$0")/../.." && pwd)
file=$folder/.env

say() { printf 'pin: %s\n' "$*" >&2; }

case "$#:${1:-}" in
0:) renew=no ;;
1:--renew) renew=yes ;;
*)
    say "'$*' is not understood; the only option is --renew, which fetches the images anew"
    exit 2
    ;;
esac
if ! command -v docker >/dev/null 2>&1; then
    say "docker is not installed, and only it knows the digests of images"
    exit 2
fi

# What .env says of a variable, else the default in .env.example; without the digest of an earlier run.
tag_of() {
    said=$(sed -n "s/^$1=//p" "$file" 2>/dev/null | tail -n 1)
    [ -n "$said" ] || said=$(sed -n "s/^#$1=//p" "$folder/.env.example")
    printf '%s' "${said%%@*}"
}

# The name of an image as docker shows it beside digests: without tag, and without what it adds by itself.
repository_of() {
    printf '%s' "$1" | sed -e 's|:[^:/]*$||' -e 's|^docker\.io/||' -e 's|^library/||'
}

# What an engine has of an image that it fetched; one that was built or loaded here has no digest.
digest_here() {
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" 2>/dev/null |
        sed -n "s|^$(repository_of "$1")@\(sha256:[0-9a-f]*\)\$|\1|p" | head -n 1
}
# What its registry says, where nothing was fetched yet.
digest_there() {
    docker buildx imagetools inspect "$1" 2>/dev/null | sed -n 's/^Digest: *\(sha256:[0-9a-f]*\)$/\1/p' | head -n 1
}

pinned=$(mktemp "$folder/.env.XXXXXX")
trap 'rm -f "$pinned"' EXIT
trap 'exit 130' INT TERM
# A copy keeps who may read the file; what is not about these images stays as it is.
if [ -e "$file" ]; then
    cp -p "$file" "$pinned"
    grep -v -E '^(PYTHON_IMAGE|RABBITMQ_IMAGE|POSTGRES_IMAGE)=' "$file" >"$pinned" || [ $? = 1 ]
else
    chmod 644 "$pinned"
fi
for variable in PYTHON_IMAGE RABBITMQ_IMAGE POSTGRES_IMAGE; do
    image=$(tag_of "$variable")
    if [ "$renew" = yes ] && ! docker pull --quiet "$image" >/dev/null; then
        say "docker could not fetch $image, see above; $file is as it was"
        exit 2
    fi
    digest=$(digest_here "$image")
    [ -n "$digest" ] || digest=$(digest_there "$image")
    if [ -z "$digest" ]; then
        say "docker knows no digest of $image ($variable): it was made on this machine or not fetched yet, and its" \
            "registry does not answer; fetch it with 'docker pull $image' and try again; $file is as it was"
        exit 2
    fi
    printf '%s=%s@%s\n' "$variable" "$image" "$digest" >>"$pinned"
    say "$variable is $image@$digest"
done
mv "$pinned" "$file"
say "written to $file; 'docker compose up --build --detach --wait' uses them, 'deploy/docker/pin.sh --renew' renews them"
