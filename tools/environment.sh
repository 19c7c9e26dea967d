#!/bin/sh
# Makes a virtual environment and installs repropack into it: environment.sh VENV REQUIREMENT
set -eu
venv=$1
what=$2

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
        printf '%s' "$candidate"
        return
    done
    say "error: no Python 3.11 or newer"
    say "hint: apt-get install python3 python3-venv, or PYTHON=/path/to/python make ..."
    exit 1
}

make_venv() {
    python=$(find_python)
    "$python" -m venv "$venv" >/dev/null 2>&1 && return
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "installing python3-venv: this Python cannot make virtual environments without it"
        apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >&2
        "$python" -m venv "$venv" && return
    fi
    say "error: $python cannot make a virtual environment"
    say "hint: sudo apt-get install python3-venv"
    exit 1
}

[ -x "$venv/bin/pip" ] || make_venv
say "installing repropack into $venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$what"
touch "$venv/.installed"
case $what in
    *dev*) touch "$venv/.dev" ;;
esac
