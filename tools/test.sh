#!/bin/sh
# Everything that must pass: test.sh [--all]
# With CI=true a missing engine is a failure; elsewhere its tests are skipped and counted.
set -eu
cd -- "$(dirname -- "$0")/.."
bin=.venv/bin
say() { printf '%s\n' "$*" >&2; }

if [ "${CI:-}" = true ]; then
    tools/engine.sh
    missing=''
    programs='mmdebstrap busybox openssl podman buildah skopeo'
    [ "${1:-}" != --all ] || programs="$programs chromium"
    for program in $programs; do
        command -v "$program" >/dev/null 2>&1 || missing="$missing $program"
    done
    command -v ch-run >/dev/null 2>&1 || missing="$missing charliecloud"
    if [ -n "$missing" ]; then
        apt-get update -qq >&2
        # shellcheck disable=SC2086 # a list of package names
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/tmp/repropack-apt.log 2>&1
    fi
fi
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy"
"$bin/lint-imports"
"$bin/pytest" -q -n 2 --dist loadgroup -m 'not engine and not network and not slow' tests
if tools/engine.sh --find; then
    if [ "${1:-}" = --all ]; then
        "$bin/pytest" -q -n 2 --dist loadfile -m 'engine or network or slow' tests
    else
        "$bin/pytest" -q -n 2 --dist loadfile -m '(engine or network) and not slow' tests
    fi
else
    skipped=$("$bin/pytest" --collect-only -q -m engine tests | grep -c '::' || true)
    "$bin/pytest" -q -m 'network and not engine and not slow' tests
    say "$skipped container tests skipped: no engine answers. Start Docker and run \`make test\` again."
fi
