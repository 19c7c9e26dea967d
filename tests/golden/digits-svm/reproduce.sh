#!/bin/sh
# Reproduces digits-svm. Written by repropack 0.1.0; needs docker or podman, nothing else.
#
# Read `main`, at the end, first. The table of claims goes to stdout, everything else to stderr.
set -eu
unset CDPATH GREP_OPTIONS IFS
export LC_ALL=C # what sha256sum says must not depend on the reviewer's language

bundle_name='digits-svm'
tag='repropack/digits-svm:28d33e0fa462'
commit='28d33e0fa46217d286cf777a18567036132bf003'
base='repropack/base:bookworm-py3.11'
cuda=''
suite='bookworm'
python='3.11'
package_count=0
pip='pip-26.0.1-py3-none-any.whl'
platforms='linux_x86_64 manylinux_2_36_x86_64 manylinux_2_35_x86_64 manylinux_2_34_x86_64 manylinux_2_33_x86_64 manylinux_2_32_x86_64 manylinux_2_31_x86_64 manylinux_2_30_x86_64 manylinux_2_29_x86_64 manylinux_2_28_x86_64 manylinux_2_27_x86_64 manylinux_2_26_x86_64 manylinux_2_25_x86_64 manylinux_2_24_x86_64 manylinux_2_23_x86_64 manylinux_2_22_x86_64 manylinux_2_21_x86_64 manylinux_2_20_x86_64 manylinux_2_19_x86_64 manylinux_2_18_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux_2_16_x86_64 manylinux_2_15_x86_64 manylinux_2_14_x86_64 manylinux_2_13_x86_64 manylinux_2_12_x86_64 manylinux2010_x86_64 manylinux_2_11_x86_64 manylinux_2_10_x86_64 manylinux_2_9_x86_64 manylinux_2_8_x86_64 manylinux_2_7_x86_64 manylinux_2_6_x86_64 manylinux_2_5_x86_64 manylinux1_x86_64'
download_mb=85
known_claims='accuracy precision-0 recall-0 f1-0 precision-1 recall-1 f1-1 precision-2 recall-2 f1-2 precision-3 recall-3 f1-3 precision-4 recall-4 f1-4 precision-5 recall-5 f1-5 precision-6 recall-6 f1-6 precision-7 recall-7 f1-7 precision-8 recall-8 f1-8 precision-9 recall-9 f1-9'

answer_s=30      # how long an engine may take to say that it is there
outer_grace_s=60 # how long past an experiment's own timeout its container may last

engine=''
out=''
trust=''
rebuild=no
recorded=no
tolerance=''
claims=''
work=''      # scratch space, below the output directory
container='' # the one that must not be left behind
child=''     # the program that is being waited for
guard=''     # the process that watches the time
running=''   # the run that is going on
made=''      # the output directory, if it was not there before
unique=''
count=0
tab=$(printf '\t')
base_fact='' # whether the base is made of the authors' packages
bundle_label='{{index .Config.Labels "repropack.bundle"}}'

usage() {
    cat <<'TEXT'
usage: ./reproduce.sh [--tolerance T] [--claim ID]... [--engine docker|podman] [--output DIR] [--rebuild]
                      [--trust FILE]
       ./reproduce.sh --recorded [--tolerance T] [--claim ID]... [--output DIR]

Checks this bundle, gets what the image needs, builds the image with the network off, runs the
experiments in it and compares their numbers with the paper's.

  --tolerance T     allowed difference for every claim: 0.5 in the claim's own unit, or 1%
  --claim ID        judge only this claim, and run only what it needs (can be repeated)
  --engine NAME     docker or podman (default: the first of the two that answers)
  --output DIR, -o  where the runs and the report go (default: reproduction, beside this script);
                    what an earlier call left there is replaced
  --rebuild         build the image even if it is already there, or brought by this bundle; say then
                    whether what was built is the authors' image
  --trust FILE      go on only if this bundle is signed by a key of FILE: the authors' public key, or
                    an allowed_signers file of OpenSSH, which they gave you by another way
  --recorded        run nothing, and need no engine: compare the paper with the result files that the
                    authors shipped, which shows that these agree and not that they are obtained again.
                    Needs python3; the report goes to recorded, beside this script
  --help, -h        show this text

examples:
  ./reproduce.sh --tolerance 1%
  ./reproduce.sh --claim accuracy --output /tmp/reproduction

environment: with --rebuild, REPROPACK_DEBIAN_MIRROR=URL makes the base again from the packages there,
such as those of a day that an archive has kept.

exit codes: 0 every claim reproduced; 1 a claim is not reproduced; 2 usage; 3 nothing is claimed;
4 no engine; 5 the build failed; 6 a run failed, or a claim has no evidence; 7 this bundle was
changed; 8 inconclusive; 75 network or registry: try again later; 130 interrupted.
TEXT
}

say() { printf '%s\n' "$*" >&2; }

# die CODE MESSAGE [HINT]
die() {
    say "error: $2"
    [ -z "${3:-}" ] || say "hint: $3"
    exit "$1"
}

# ---- arguments

# directory_of PATH: made so that no path can look like an option.
directory_of() {
    case $1 in
        /*) printf '%s/' "${1%/*}" ;;
        */*) printf './%s' "${1%/*}" ;;
        *) printf '.' ;;
    esac
}

# The bundle is where this script is, also when a symbolic link was called.
find_bundle() {
    script=$1
    while [ -L "$script" ]; do
        target=$(readlink -- "$script")
        case $target in
            /*) script=$target ;;
            *) script=$(directory_of "$script")/$target ;;
        esac
    done
    here=$(cd "$(directory_of "$script")" && pwd -P)
}

parse() {
    while [ $# -gt 0 ]; do
        option=${1%%=*}
        case $1 in
            --help | -h) usage; exit 0 ;;
            --rebuild) rebuild=yes; shift; continue ;;
            --recorded) recorded=yes; shift; continue ;;
            --tolerance=* | --claim=* | --engine=* | --output=* | --trust=*) value=${1#*=} ;;
            --tolerance | --claim | --engine | --output | -o | --trust)
                [ $# -ge 2 ] || die 2 "$1 needs a value" "./reproduce.sh --help"
                value=$2
                shift
                ;;
            *) die 2 "unknown argument: $1" "./reproduce.sh --help" ;;
        esac
        shift
        [ -n "$value" ] || die 2 "$option needs a value" "./reproduce.sh --help"
        take "$option" "$value"
    done
    [ -n "$known_claims" ] || die 3 "this bundle claims nothing: there is nothing to reproduce"
}

# take OPTION VALUE
take() {
    case $1 in
        --tolerance) check_tolerance "$2"; tolerance=$2 ;;
        --claim) check_claim "$2"; claims="$claims $2" ;;
        --engine) check_engine "$2"; engine=$2 ;;
        --trust)
            case $2 in
                /*) trust=$2 ;;
                *) trust=$(pwd)/$2 ;;
            esac
            ;;
        *)
            case $2 in
                /*) out=$2 ;;
                *) out=$(pwd)/$2 ;;
            esac
            ;;
    esac
}

check_tolerance() {
    number='([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?%?'
    case $1 in
        *[!0-9.eE%+-]*) ;;
        *) if printf '%s\n' "$1" | grep -Eqx "$number"; then return; fi ;;
    esac
    die 2 "not a tolerance: $1" "write 0.5, or 1%"
}

check_claim() {
    case $1 in
        *[!A-Za-z0-9._+-]*) ;;
        *) case " $known_claims " in *" $1 "*) return ;; esac ;;
    esac
    die 2 "there is no claim $1" "the claims are: $known_claims"
}

check_engine() {
    case $1 in
        docker | podman) ;;
        *) die 2 "unknown engine: $1" "docker or podman" ;;
    esac
}

# ---- the bundle

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then
        sha256sum "$@"
    else
        shasum -a 256 "$@"
    fi
}

changed() { die 7 "this bundle is not the one that was built: $1" "get it again from where it was published"; }

check_bundle() {
    say "checking the bundle"
    [ -f SHA256SUMS ] && [ -f LINKS ] && [ -d source ] || changed "a part of it is missing"
    # Lines that it does not understand would only make sha256sum warn.
    line='^\\?[0-9a-f]{64}  '
    total=$(grep -c '' SHA256SUMS || true)
    [ "$(grep -Ec "$line" SHA256SUMS || true)" -eq "$total" ] || changed "SHA256SUMS is damaged"
    report=$(sha256 -c SHA256SUMS 2>&1) || true
    if [ "$(printf '%s\n' "$report" | grep -c ': OK$' || true)" -ne "$total" ]; then
        printf '%s\n' "$report" | grep -v ': OK$' | head -n 20 >&2
        changed "a file differs"
    fi
    check_source "$(grep -Ec "${line}source/" SHA256SUMS || true)"
    sums=$(sha256 <SHA256SUMS | cut -d ' ' -f 1)
    # What an image is built from, and is labelled with: everything but the image.
    digest=$(grep -Ev "${line}image[.](json|tar[.]zst)\$" SHA256SUMS | sha256 | cut -d ' ' -f 1)
}

# check_source COUNT: no file more than the COUNT that were checked, and the same links.
check_source() {
    present=$(find source ! -type d ! -type l -exec sh -c 'for file; do echo; done' sh {} + | grep -c '' || true)
    [ "$present" -eq "$1" ] || changed "source/ holds other files"
    links=$(find source -type l -exec sh -c '
        for link; do printf "%s -> %s\n" "$link" "$(readlink -- "$link")"; done' sh {} + | sort)
    [ "$links" = "$(cat LINKS)" ] || changed "source/ holds other links"
}

# check_signature: of SHA256SUMS, which names the hash of every other file.
check_signature() {
    command -v ssh-keygen >/dev/null 2>&1 || die 2 "there is no ssh-keygen to check the signature with" \
        "install OpenSSH's client, or leave out --trust"
    [ -f "$trust" ] || die 2 "there is no file $trust" "--trust names a public key, or a list of signers"
    [ -f SHA256SUMS.sig ] || die 7 "this bundle is not signed: it has no SHA256SUMS.sig" \
        "ask the authors for the signed one, or leave out --trust"
    allowed=$work/allowed_signers
    # A public key alone stands for the author; other lines name their signers themselves.
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in
            '' | '#'*) ;;
            ssh-* | ecdsa-* | sk-*) printf 'author %s\n' "$line" ;;
            *) printf '%s\n' "$line" ;;
        esac
    done <"$trust" >"$allowed"
    who=$(ssh-keygen -Y find-principals -s SHA256SUMS.sig -f "$allowed" 2>/dev/null | head -n 1) || who=''
    who=${who%%,*}
    [ -n "$who" ] || die 7 "this bundle is signed by a key that is not in $trust" \
        "ask the authors which key is theirs, by another way than the bundle's"
    ssh-keygen -Y verify -n repropack -I "$who" -s SHA256SUMS.sig -f "$allowed" <SHA256SUMS >/dev/null 2>&1 ||
        die 7 "SHA256SUMS is not what $who signed" "get the bundle again from where it was published"
    say "signed by $who"
}

# ---- waiting, so that a signal is acted upon at once

# await COMMAND...
await() {
    "$@" &
    child=$!
    code=0
    wait "$child" || code=$?
    child=''
    return "$code"
}

# patient SECONDS REMEDY COMMAND...: as await, but REMEDY is called when it takes longer.
patient() {
    limit_s=$1
    remedy=$2
    shift 2
    "$@" &
    child=$!
    (
        trap 'kill "$nap"; exit 0' TERM
        sleep "$limit_s" &
        nap=$!
        wait "$nap"
        "$remedy"
    ) >/dev/null 2>&1 &
    guard=$!
    code=0
    wait "$child" || code=$?
    child=''
    kill "$guard" 2>/dev/null || true
    guard=''
    return "$code"
}

kill_child() { kill "$child"; }

stop_container() { "$engine" stop -t 10 "$container"; }

# ---- the output directory

# What an earlier call left is replaced, what anybody else left is not touched.
prepare_output() {
    [ -n "$out" ] || case $recorded in
        yes) out=$here/recorded ;;
        *) out=$here/reproduction ;;
    esac
    if [ -d "$out" ] && [ ! -f "$out/.reproduction" ] && [ -n "$(ls -A "$out")" ]; then
        die 2 "$out exists already, and holds something else" "name another directory with --output"
    fi
    [ -d "$out" ] || made=$out
    if ! mkdir -p "$out" 2>/dev/null || ! work=$(mktemp -d "$out/.work.XXXXXX" 2>/dev/null); then
        die 2 "cannot write $out" "name another directory with --output"
    fi
    : >"$out/.reproduction"
    rm -f "$out/build.log"
    unique=${work##*.}
}

# Nothing is left of a call that got nowhere.
close_output() {
    [ -z "$work" ] || rm -rf "$work"
    if [ -n "$made" ] && [ ! -e "$made/runs" ] && [ ! -e "$made/build.log" ] &&
        [ ! -e "$made/report.json" ]; then
        rm -f "$made/.reproduction"
        rmdir "$made" 2>/dev/null || true
    fi
}

finish() {
    code=$?
    trap '' INT TERM HUP
    for process in "$child" "$guard"; do
        [ -z "$process" ] || kill "$process" 2>/dev/null || true
    done
    remove_container
    remove_leftovers
    close_output
    exit "$code"
}

# On Ctrl-C or SIGTERM the runner inside stops the experiment and writes a record that says so.
interrupted() {
    trap 'exit 130' INT TERM HUP
    if [ -n "$running" ]; then
        say "stopping $running"
        "$engine" stop -t 15 "$container" >/dev/null 2>&1 || true
        collect "$running" || true
    fi
    say "interrupted"
    exit 130
}

# ---- the engine

version_of() {
    case $1 in
        docker) exec docker version --format '{{.Server.Version}}' ;;
        *) exec "$1" info --format '{{.Version.Version}}' ;;
    esac
}

find_engine() {
    for candidate in ${engine:-docker podman}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if patient "$answer_s" kill_child version_of "$candidate" >"$work/version" 2>"$work/why"; then
            engine=$candidate
            version=$(cat "$work/version")
            say "engine: $engine $version"
            return
        fi
        say "$candidate is installed, but does not answer: $(tail -n 1 "$work/why")"
    done
    die 4 "no engine answers" \
        "install Docker or Podman, start it, and see that \`docker version\` works for you"
}

inspect_image() { "$engine" image inspect --format "$2" "$1" 2>/dev/null; }

# new_container ARGUMENT...: made, not started. Its name is known before it exists, so that it is
# removed even when making it is cut off.
new_container() {
    count=$((count + 1))
    container=repropack-$bundle_name-$unique-$count
    "$engine" create --name "$container" --label repropack.run=1 --log-driver none "$@" >/dev/null
}

remove_container() {
    [ -z "$container" ] || "$engine" rm -f -v "$container" >/dev/null 2>&1 || true
    container=''
}

# hardened_container ARGUMENT...: the one in which everything of the image runs.
hardened_container() {
    new_container --init --read-only --tmpfs /tmp:exec --user 1000:1000 --cap-drop ALL \
        --security-opt no-new-privileges --pids-limit 4096 --shm-size 1g --stop-signal SIGTERM \
        --volume /work --volume /out --workdir /work --entrypoint '' "$@"
}

# ---- the base

get_base() {
    if ! remake_base && inspect_image "$base" '{{.Id}}' >/dev/null; then return; fi
    case $base in
        *@sha256:*)
            pull "$base" || die 75 "the base $base cannot be pulled" \
                "try again later, or ask the authors for the image"
            return
            ;;
    esac
    if can_bootstrap; then
        bootstrap
    elif [ "$package_count" = 0 ] && pull "python:$python-slim-$suite"; then
        say "note: the authors' base was made of Debian's packages; this one is a registry's"
        base=python:$python-slim-$suite
    else
        die 75 "there is no base: no registry answers, and there is no mmdebstrap to make one" \
            "apt-get install mmdebstrap, or try again later"
    fi
}

# remake_base: whether the reviewer asked for a base of another archive's packages.
remake_base() { [ "$rebuild" = yes ] && [ -n "${REPROPACK_DEBIAN_MIRROR:-}" ] && can_bootstrap; }

# compare_base: the packages of the authors' base, and of the one below the image. A base with a
# digest is the same to the byte.
compare_base() {
    [ -s "$here/base.debs.tsv" ] || return 0
    case $base in *@sha256:*) return 0 ;; esac
    base_fact='not known'
    new_container "$image" true
    "$engine" cp "$container:/usr/share/repropack/debs.tsv" "$work/debs.tsv" >/dev/null 2>&1 || true
    remove_container
    rm -f "$out/base-differences.txt"
    if [ ! -s "$work/debs.tsv" ]; then
        say "note: which Debian packages the base here has is not known"
        return
    fi
    base_fact='as recorded'
    {
        only_in "$here/base.debs.tsv" "$work/debs.tsv" '-'
        only_in "$work/debs.tsv" "$here/base.debs.tsv" '+'
    } | sort -k 2 >"$work/differences"
    [ -s "$work/differences" ] || return 0
    cp "$work/differences" "$out/base-differences.txt"
    base_fact="packages that differ: $(cut -d ' ' -f 2 "$work/differences" | sort -u | grep -c '')"
    say "note: the base here is not made of the authors' Debian packages; $base_fact"
    head -n 10 "$work/differences" >&2
    say "  (- theirs, + here; all of them in $out/base-differences.txt)"
}

# only_in FILE OTHER SIGN: the packages that stand in one file and not in the other.
only_in() {
    grep -v -x -F -f "$2" "$1" | while IFS=$tab read -r deb deb_version machine _; do
        printf '%s %s %s %s\n' "$3" "$deb" "$deb_version" "$machine"
    done
}

# The image of which CUDA's libraries are taken, where the packages do not bring them.
get_cuda() {
    if [ -z "$cuda" ] || inspect_image "$cuda" '{{.Id}}' >/dev/null; then return; fi
    pull "$cuda" || die 75 "the CUDA libraries of $cuda cannot be pulled" \
        "try again later, or ask the authors for the image"
}

pull() {
    say "pulling $1"
    await "$engine" pull "$1" >&2
}

can_bootstrap() {
    command -v mmdebstrap >/dev/null 2>&1 ||
        { command -v debootstrap >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; }
}

bootstrap() {
    say "making the base: Debian $suite with Python $python (about a minute)"
    mkdir "$work/base"
    set --
    sh base.sh "$suite" "$work/base/rootfs.tar" "$@" >&2 ||
        die 75 "the base cannot be made" "see the messages above, and try again later"
    cp Dockerfile.base "$work/base/Dockerfile"
    await "$engine" build --network none -t "$base" "$work/base" >&2 || die 5 "the base cannot be built"
    rm -rf "$work/base"
}

# ---- the packages

wheels_are_whole() { [ ! -s wheels.sha256 ] || sha256 -c wheels.sha256 >/dev/null 2>&1; }

get_wheels() {
    wheels_are_whole && return
    say "fetching $(grep -c '' wheels.sha256) packages, about $download_mb MB"
    mkdir -p wheels
    : >"$work/pip.log"
    fetch_on_host || fetch_in_base || true
    wheels_are_whole && return
    sha256 -c wheels.sha256 2>&1 | grep -v ': OK$' | head -n 5 >&2 || true
    if grep -q 'DO NOT MATCH THE HASHES' "$work/pip.log"; then
        die 7 "a package is not the one that was locked" "see the messages above: is the index the right one?"
    fi
    die 75 "the packages could not be fetched" \
        "see the messages above; behind a proxy set HTTPS_PROXY and SSL_CERT_FILE, then call this again"
}

# The host's own Python, if there is one, knows the host's proxies, certificates and indexes best.
fetch_on_host() {
    python_on_host || return 1
    fetch_for "$python" fetch.txt
}

python_on_host() {
    command -v python3 >/dev/null 2>&1 || return 1
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null
}

# fetch_for PYTHON FILE
fetch_for() {
    version_for=$1
    file=$2
    [ -s "$file" ] || return 0
    set --
    for platform in $platforms; do set -- "$@" --platform "$platform"; done
    await env PIP_REQUIRE_VIRTUALENV=0 python3 "tools/$pip/pip" download --disable-pip-version-check --no-deps \
        --require-hashes --only-binary=:all: --ignore-requires-python \
        --implementation cp --python-version "$version_for" \
        --abi "cp$(printf '%s' "$version_for" | tr -d .)" --abi abi3 --abi none "$@" \
        --log "$work/pip.log" --dest wheels --requirement "$file" >&2
}

# Without one, the base does it: in a container of its own that is removed, on the host's network
# (a proxy may listen on localhost), with the host's settings lent to it.
fetch_in_base() {
    say "fetching in a container of $base"
    inbox=$work/in
    mkdir "$inbox"
    cp "tools/$pip" fetch.txt "$inbox/"
    lend_files
    # shellcheck disable=SC2016 # $0 and $1 are the inner shell's
    new_fetcher 'cd /in && mkdir wheels && \
        exec "python$0" "$1/pip" download --disable-pip-version-check --no-cache-dir --no-deps \
        --require-hashes --only-binary=:all: --log pip.log --dest wheels --requirement fetch.txt'
    "$engine" cp "$inbox/." "$container:/in" >/dev/null
    await "$engine" start -a "$container" >&2 || true
    "$engine" cp "$container:/in/pip.log" "$work/pip.log" >/dev/null 2>&1 || true
    "$engine" cp "$container:/in/wheels/." wheels >/dev/null 2>&1 || true
    remove_container
}

# new_fetcher SCRIPT: its $0 is the base's Python, its $1 is pip.
new_fetcher() {
    script=$1
    set -- --env HOME=/in --env PIP_CONFIG_FILE=/in/own.conf --env PIP_REQUIRE_VIRTUALENV=0
    [ ! -f "$inbox/certificates.pem" ] || set -- "$@" --env PIP_CERT=/in/certificates.pem
    for variable in HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy \
        no_proxy PIP_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_NO_INDEX \
        PIP_RETRIES PIP_DEFAULT_TIMEOUT; do
        eval "value=\${$variable:-}"
        [ -z "$value" ] || set -- "$@" --env "$variable"
    done
    new_container --user 0:0 --network host "$@" "$base" sh -c "$script" "$python" "$pip"
}

# The certificates that the host trusts, and where its pip and its .netrc say that packages are.
lend_files() {
    for file in "${PIP_CERT:-}" "${REQUESTS_CA_BUNDLE:-}" "${CURL_CA_BUNDLE:-}" "${SSL_CERT_FILE:-}" \
        /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
        lend "$file" certificates.pem
    done
    lend "${PIP_CONFIG_FILE:-}" own.conf
    lend "${XDG_CONFIG_HOME:-${HOME:-}/.config}/pip/pip.conf" .config/pip/pip.conf
    lend "${HOME:-}/.pip/pip.conf" .pip/pip.conf
    lend /etc/pip.conf own.conf
    lend "${NETRC:-${HOME:-}/.netrc}" .netrc
}

# lend FILE NAME: the first one of a name counts.
lend() {
    [ -f "$1" ] && [ ! -e "$inbox/$2" ] || return 0
    mkdir -p "$inbox/$(directory_of "$2")"
    cp "$1" "$inbox/$2"
}

# ---- the authors' image, where this bundle brings it

brings_image() { grep -q '^[0-9a-f]\{64\}  image[.]tar[.]zst$' "$here/SHA256SUMS"; }

# load_image: it was checked with the rest of this bundle. Fails where nothing here can unpack it.
load_image() {
    say "loading the authors' image from image.tar.zst"
    for way in load_as_it_is load_with_zstd load_with_python; do
        if await "$way" >"$work/load.log" 2>&1; then
            name_image
            return
        fi
        tail -n 1 "$work/load.log" >>"$work/load.errors"
    done
    say "note: it cannot be loaded, so it is built:"
    sed 's/^/  /' "$work/load.errors" >&2
    say "  (a newer $engine, zstd, or Python 3.14 unpacks image.tar.zst)"
    return 1
}

load_as_it_is() { exec "$engine" load -i "$here/image.tar.zst"; }

load_with_zstd() {
    command -v zstd || return
    zstd -q -dc "$here/image.tar.zst" | "$engine" load
}

load_with_python() {
    python3 -c 'from compression import zstd' || return
    python3 -c 'import shutil, sys
from compression import zstd
shutil.copyfileobj(zstd.open(sys.argv[1]), sys.stdout.buffer, 1 << 20)' "$here/image.tar.zst" | "$engine" load
}

# The authors' image: by its config, and as a store of OCI images calls it.
author_ids() {
    sed -n -e 's/^ "id": "\(sha256:[0-9a-f]*\)",$/\1/p' -e 's/^ "manifest": "\(sha256:[0-9a-f]*\)",$/\1/p' "$here/image.json"
}

# Podman takes Docker's names for those of a registry.
name_image() {
    for id in $(author_ids); do
        inspect_image "$id" '{{.Id}}' >/dev/null || continue
        "$engine" tag "$id" "$tag"
        [ "$engine" != podman ] || podman untag "$id" "docker.io/$tag" >/dev/null 2>&1 || true
        return 0
    done
    die 7 "what image.tar.zst holds is not the image of image.json" "get this bundle again from where it was published"
}

# compare_image: whether what was built here is what the authors had.
compare_image() {
    brings_image || return 0
    if author_ids | grep -q -x -F "$image"; then
        say "image: what was built here is the authors' image, $image"
        return
    fi
    inspect_image "$image" '{{range .RootFS.Layers}}{{println .}}{{end}}' | grep . >"$work/layers"
    sed -n 's/^  "\(sha256:[0-9a-f]*\)",*$/\1/p' "$here/image.json" >"$work/their-layers"
    if cmp -s "$work/layers" "$work/their-layers"; then
        say "image: what was built here has the authors' layers, and another config (as times differ)"
    else
        same=$(grep -c -x -F -f "$work/their-layers" "$work/layers" || true)
        say "image: what was built here is not the authors' image: $same of its $(grep -c '' "$work/layers") layers are among the authors' $(grep -c '' "$work/their-layers")"
    fi
}

# ---- the image

# A bundle that cannot be written to is built from a copy. Modes may have been lost on the way here.
open_context() {
    if mkdir ".probe.$unique" 2>/dev/null; then
        rmdir ".probe.$unique"
    else
        copy_context
    fi
    find source judge.pyz repropack.json ! -type l -exec chmod u=rwX,go=rX {} + 2>/dev/null || true
}

copy_context() {
    say "this bundle cannot be written to: building from a copy"
    mkdir "$work/bundle"
    for part in Dockerfile .dockerignore Dockerfile.base base.sh pylock.toml judge.pyz repropack.json \
        source tools wheels fetch.txt wheels.sha256; do
        [ ! -e "$part" ] || cp -RP "$part" "$work/bundle/"
    done
    cd "$work/bundle"
    chmod -R u+w .
}

get_image() {
    if [ "$rebuild" = no ] && [ "$(inspect_image "$tag" "$bundle_label")" = "$digest" ]; then
        say "image: $tag is already there"
    elif [ "$rebuild" = yes ] || ! brings_image || ! load_image; then
        open_context
        get_base
        get_cuda
        get_wheels
        say "building $tag (network off)"
        previous=$(inspect_image "$tag" '{{.Id}}') || previous=''
        if ! build_again_if_robbed; then
            tail -n 30 "$work/build.log" >&2
            cp "$work/build.log" "$out/build.log"
            die 5 "the image could not be built" "the whole log is $out/build.log"
        fi
        remove_leftovers
        remove_untagged "$previous"
    fi
    image=$(inspect_image "$tag" '{{.Id}}')
    image=sha256:${image#sha256:}
    [ "$rebuild" = no ] || compare_image
    compare_base
}

# build_again_if_robbed: the legacy builder fails where somebody removes an image whose first steps
# are the same while it works.
build_again_if_robbed() {
    await build_image >"$work/build.log" 2>&1 && return
    grep -q 'unknown parent image' "$work/build.log" || return 1
    say "a step of this build was removed meanwhile: building again"
    await build_image >"$work/build.log" 2>&1
}

# BuildKit, if that is what builds here, must be the engine's own: another one lacks the base.
build_image() {
    builder=$("$engine" context show 2>/dev/null) || builder=''
    [ -z "$builder" ] || export BUILDX_BUILDER="$builder"
    export BUILDX_NO_DEFAULT_ATTESTATIONS=1
    exec "$engine" build --network none --force-rm --label "repropack.bundle=$digest" \
        --build-arg "BASE=$base" ${cuda:+--build-arg "CUDA=$cuda"} --build-arg "BUILD=$unique" -t "$tag" .
}

# The legacy builder leaves the stage of the installer behind: as large as the image.
remove_leftovers() {
    [ -n "${digest:-}" ] && [ -n "$unique" ] || return 0
    left=$("$engine" images --quiet --filter dangling=true \
        --filter "label=repropack.build=$unique" 2>/dev/null) || left=''
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$left" ] || "$engine" rmi $left >/dev/null 2>&1 || true
}

# remove_untagged IMAGE: the one that had the tag before, unless somebody gave it another.
remove_untagged() {
    [ -n "$1" ] && [ "$(inspect_image "$1" '{{len .RepoTags}}')" = 0 ] || return 0
    "$engine" rmi "$1" >/dev/null 2>&1 || true
}

# ---- the runs

find_gpu() {
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1) || gpu=''
    [ -n "$gpu" ] || gpu=none
}

list_runs() {
    set --
    for claim in $claims; do set -- "$@" --claim "$claim"; done
    hardened_container --network none "$image" /opt/env/bin/python /repropack/judge.pyz runs "$@"
    await "$engine" start -a "$container" >"$work/runs" || die 6 "$tag does not say which runs it has"
    remove_container
}

run_all() {
    list_runs
    needing=$(grep "${tab}required${tab}" "$work/runs" | cut -f 1 | tr '\n' ' ')
    if [ "$gpu" = none ] && [ -n "$needing" ]; then
        die 6 "there is no GPU, and these runs need one: $needing" "see that nvidia-smi works"
    fi
    rm -rf "$out/runs" "$out/attestation.json" "$out/report.txt" "$out/report.md" "$out/report.json" "$out/report.html" \
        "$out/report-data"
    mkdir "$out/runs"
    while IFS=$tab read -r run want_gpu network timeout; do
        say "run: $run"
        run_one </dev/null
    done <"$work/runs"
}

# run_one: as $run, $want_gpu, $network and $timeout say.
run_one() {
    running=$run
    new_run || die 6 "$run could not be started"
    if [ "$timeout" = - ]; then
        await follow || true
    else
        patient "$((timeout + outer_grace_s))" stop_container follow || true
    fi
    collect "$run" || say "  $run: no record came back: $(why_lost)"
    running=''
    remove_container
}

new_run() {
    gpu_fact=none
    [ "$want_gpu" = none ] || gpu_fact=$gpu
    set --
    [ "$network" = 1 ] || set -- --network none
    if [ "$gpu_fact" != none ]; then
        case $engine in
            podman) set -- "$@" --device nvidia.com/gpu=all --security-opt label=disable ;;
            *) set -- "$@" --gpus all ;;
        esac
    fi
    hardened_container "$@" "$image" /opt/env/bin/python /repropack/judge.pyz run "$run" \
        --out /out --fact "engine=$engine $version" --fact "image_id=$image" \
        --fact "commit=$commit" --fact "gpu=$gpu_fact" ${base_fact:+--fact "base=$base_fact"}
}

follow() {
    "$engine" start -a "$container" 2>&1 | while IFS= read -r line; do say "  $run: $line"; done
}

# collect ID: what the run wrote, without links, devices and special modes: an experiment chose it.
collect() {
    part=$work/part
    rm -rf "$part" "$out/runs/$1"
    mkdir -m 700 "$part"
    "$engine" cp "$container:/out/." "$part" >/dev/null 2>&1 || true
    find "$part" ! -type d ! -type f -exec rm -f {} +
    find "$part" -exec chmod u=rwX,go=rX {} +
    rm -f "$part/.reserve"
    mv "$part" "$out/runs/$1"
    [ -f "$out/runs/$1/record.json" ]
}

why_lost() {
    state=$("$engine" inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' "$container" 2>&1) || true
    case $state in
        'true '*) printf 'the container was killed because memory ran out' ;;
        'false 137') printf 'the container was killed from outside' ;;
        'false '*) printf 'the runner ended with exit code %s' "${state#false }" ;;
        *) printf 'the container was lost: %s' "$state" ;;
    esac
}

# ---- the verdict

judge_all() {
    set --
    for claim in $claims; do set -- "$@" --claim "$claim"; done
    [ -z "$tolerance" ] || set -- "$@" --tolerance "$tolerance"
    : >"$work/records"
    while IFS=$tab read -r id _; do
        # Its outputs may hold another record.json, which is the experiment's own.
        [ ! -f "$out/runs/$id/record.json" ] || cat "$out/runs/$id/record.json" >>"$work/records"
    done <"$work/runs"
    [ ! -f "$here/author/report.json" ] || cat "$here/author/report.json" >>"$work/records"
    hardened_container --interactive --network none "$image" /opt/env/bin/python \
        /repropack/judge.pyz judge --records - --logs "$out/runs" -o /out \
        --subject "SHA256SUMS=$sums" --subject "$tag=${image#sha256:}" "$@"
    verdict=0
    await judge || verdict=$?
    "$engine" cp "$container:/out/." "$out" >/dev/null || say "the report could not be collected"
    case $verdict in
        0 | 1 | 6 | 8) say "report: $out/report.md" ;;
        *) die 6 "the judge failed" ;;
    esac
    return "$verdict"
}

# judge_recorded: on the files of source/, with the Python of this machine; the judge needs no other.
judge_recorded() {
    command -v python3 >/dev/null 2>&1 ||
        die 4 "there is no python3 to read the result files with" "install it, or run without --recorded"
    set --
    for claim in $claims; do set -- "$@" --claim "$claim"; done
    [ -z "$tolerance" ] || set -- "$@" --tolerance "$tolerance"
    say "reading shipped results: nothing is run"
    rm -f "$out/report.txt" "$out/report.md" "$out/report.json"
    verdict=0
    await python3 -I judge.pyz recorded --source source -o "$out" "$@" || verdict=$?
    case $verdict in
        0 | 1 | 6 | 8) say "report: $out/report.md" ;;
        *) die 6 "the judge failed" ;;
    esac
    return "$verdict"
}

judge() { exec "$engine" start -a -i "$container" <"$work/records"; }

main() {
    find_bundle "$0"
    parse "$@"
    cd "$here"
    check_bundle
    trap finish EXIT
    trap interrupted INT TERM HUP
    prepare_output
    [ -z "$trust" ] || check_signature
    if [ "$recorded" = yes ]; then
        judge_recorded
        return
    fi
    find_engine
    get_image
    find_gpu
    run_all
    judge_all
}

main "$@"
