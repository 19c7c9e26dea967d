#!/bin/sh
# Packs and verifies a real example: demo.sh [ENGINE]
set -eu
cd -- "$(dirname -- "$0")/.."
engine=${1:-}
say() { printf '%s\n' "$*" >&2; }

if [ "$engine" != venv ]; then
    tools/engine.sh
    if [ "$(id -u)" = 0 ] && ! command -v mmdebstrap >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
        say "installing mmdebstrap: it makes the base when no registry answers"
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mmdebstrap >/tmp/repropack-apt.log 2>&1 ||
            tail -n 5 /tmp/repropack-apt.log >&2
    fi
fi
set -- verify examples/digits-svm --tolerance 0.5
[ -z "$engine" ] || set -- "$@" --engine "$engine"
say "\$ repropack $*"
exec .venv/bin/repropack "$@"
