#!/bin/sh
# Reproduces conda. Written by repropack 0.1.0; needs docker or podman, nothing else.
#
# Read `main`, at the end, first. The table of claims goes to stdout, everything else to stderr.
set -eu
unset CDPATH GREP_OPTIONS IFS
export LC_ALL=C # what sha256sum says must not depend on the reviewer's language

bundle_name='conda'
tag='repropack/conda:99c5b17722b9'
commit='99c5b17722b9c93637b0310d6d2eb276d6b1c199'
base='repropack/base:bookworm-py3.11'
recorded_base=$base # which this call may have under another name
cuda=''
suite='bookworm'
python='3.11'
environment_python='3.8' # conda's; the one above is the base's
package_count=0
pip='pip-26.0.1-py3-none-any.whl'
platforms='linux_x86_64 manylinux_2_36_x86_64 manylinux_2_35_x86_64 manylinux_2_34_x86_64 manylinux_2_33_x86_64 manylinux_2_32_x86_64 manylinux_2_31_x86_64 manylinux_2_30_x86_64 manylinux_2_29_x86_64 manylinux_2_28_x86_64 manylinux_2_27_x86_64 manylinux_2_26_x86_64 manylinux_2_25_x86_64 manylinux_2_24_x86_64 manylinux_2_23_x86_64 manylinux_2_22_x86_64 manylinux_2_21_x86_64 manylinux_2_20_x86_64 manylinux_2_19_x86_64 manylinux_2_18_x86_64 manylinux_2_17_x86_64 manylinux2014_x86_64 manylinux_2_16_x86_64 manylinux_2_15_x86_64 manylinux_2_14_x86_64 manylinux_2_13_x86_64 manylinux_2_12_x86_64 manylinux2010_x86_64 manylinux_2_11_x86_64 manylinux_2_10_x86_64 manylinux_2_9_x86_64 manylinux_2_8_x86_64 manylinux_2_7_x86_64 manylinux_2_6_x86_64 manylinux_2_5_x86_64 manylinux1_x86_64'
download_mb=46
known_claims='table-1'
disk_mb=600 # what the image may take while it is built
driver_needed='450.80.02'
wanted_gpus='train	optional' # of each experiment: none, optional, required
# What the authors measured of each experiment: seconds of a run, its memory in MB, how many runs,
# and the MB that a run writes and leaves.
measured_runs=''
measured_on=''
has_quick=no

answer_s=30      # how long an engine may take to say that it is there
outer_grace_s=60 # how long past an experiment's own timeout its container may last

engine=''
out=''
trust=''
rebuild=no
recorded=no
tolerance=''
choice=''    # what chooses runs and claims, as the judge takes it: a word a line
quick=no
cpu=no
runs=''
jobs=1
resume=auto
yes=no
work=''      # scratch space, below the output directory
workers=''   # the processes that share the runs, where several are done at once
worker=''    # which of them this is
own_gpu=''   # the GPU that is this one's alone
container='' # the one that must not be left behind
child=''     # the program that is being waited for
process_id=$$ # of the script, or of one of its workers
guard=''     # the process that watches the time
running=''   # the run that is going on
made=''      # the output directory, if it was not there before
abandoned='' # the mark of a call that was killed, of which something may be left
has_image='' # whether the image was there, once that was asked
built=no     # whether this call built one
unique=''
count=0
tab=$(printf '\t')
newline='
'
base_fact='' # whether the base is made of the authors' packages
bundle_label='{{index .Config.Labels "repropack.bundle"}}'

usage() {
    cat <<'TEXT'
usage: ./reproduce.sh [--quick] [--claim ID]... [--only CELL]... [--runs N] [--cpu] [--tolerance T]
                      [--jobs N|auto] [--resume | --restart] [--yes] [--output DIR] [--rebuild]
                      [--engine docker|podman] [--trust FILE]
       ./reproduce.sh --recorded [--tolerance T] [--claim ID]... [--only CELL]... [--output DIR]

Checks this bundle and this machine, gets what the image needs, builds the image with the network
off, runs the experiments in it and compares their numbers with the paper's. Stopped, it goes on
where it was when it is called again.

  --quick           do the authors' quick set instead of the experiments (this bundle has none)
  --tolerance T     allowed difference for every claim: 0.5 in the claim's own unit, or 1%
  --claim ID        judge only this claim, and run only what it needs (can be repeated)
  --only CELL       do only these runs, EXPERIMENT or EXPERIMENT{NAME=VALUE}, and judge what they decide
                    (can be repeated)
  --runs N          so many runs of each cell: the declared seeds first, then new ones
  --cpu             do not use the GPU, which experiments may then not require
  --jobs N          so many runs at once, each with a GPU of its own; auto: as many as the first run
                    leaves room for (default: 1)
  --resume          go on with what is in the output directory, also if the last call came to its
                    end; without it this is done when that was stopped
  --restart         begin again, whatever was done before
  --yes, -y         ask nothing: go on where this machine has less than is needed
  --engine NAME     docker or podman (default: the first of the two that answers)
  --output DIR, -o  where the runs and the report go (default: reproduction, beside this script);
                    what an earlier call finished there is replaced
  --rebuild         build the image even if it is already there, or brought by this bundle; say then
                    whether what was built is the authors' image
  --trust FILE      go on only if this bundle is signed by a key of FILE: the authors' public key, or
                    an allowed_signers file of OpenSSH, which they gave you by another way
  --recorded        run nothing, and need no engine: compare the paper with the result files that the
                    authors shipped, which shows that these agree and not that they are obtained again.
                    Needs python3; the report goes to recorded, beside this script
  --help, -h        show this text

examples:
  ./reproduce.sh --tolerance 1% --jobs auto
  ./reproduce.sh --claim table-1 --output /tmp/reproduction

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
            --yes | -y | --quick | --cpu | --resume | --restart | --rebuild | --recorded)
                switch "$1"
                shift
                continue
                ;;
            --tolerance=* | --claim=* | --only=* | --runs=* | --jobs=* | --engine=* | --output=* | --trust=*)
                value=${1#*=}
                ;;
            --tolerance | --claim | --only | --runs | --jobs | --engine | --output | -o | --trust)
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
    if [ "$recorded" = yes ]; then refuse_running; fi
    [ "$quick" = yes ] || [ -n "$known_claims" ] ||
        die 3 "this bundle claims nothing: there is nothing to reproduce"
}

# switch OPTION: one without a value.
switch() {
    case $1 in
        --yes | -y) yes=yes ;;
        --quick)
            [ "$has_quick" = yes ] || die 2 "the authors declare no quick set" \
                "--claim ID and --only CELL do less than everything"
            quick=yes
            choose --quick
            ;;
        --cpu) cpu=yes; choose --cpu ;;
        --resume) resume=yes ;;
        --restart) resume=no ;;
        --rebuild) rebuild=yes ;;
        --recorded) recorded=yes ;;
    esac
}

# choose WORD...: kept for the judge, which decides what it means.
choose() {
    for word in "$@"; do
        case $word in *"$newline"*) die 2 "a line break in $word" "./reproduce.sh --help" ;; esac
        choice="$choice$word$newline"
    done
}

# with_choices COMMAND...: the command, with everything that was chosen behind it.
with_choices() {
    while IFS= read -r word; do
        [ -z "$word" ] || set -- "$@" "$word"
    done <<CHOICE
$choice
CHOICE
    "$@"
}

refuse_running() {
    [ "$quick" = no ] || die 2 "--recorded runs nothing, so --quick cannot be meant" "leave out one of them"
    [ "$cpu" = no ] || die 2 "--recorded runs nothing, so --cpu cannot be meant" "leave out one of them"
    [ -z "$runs" ] || die 2 "--recorded runs nothing, so --runs cannot be meant" "leave out one of them"
}

# take OPTION VALUE
take() {
    case $1 in
        --tolerance) check_tolerance "$2"; tolerance=$2 ;;
        --claim) check_claim "$2"; choose --claim "$2" ;;
        --only) choose --only "$2" ;;
        --runs) check_number "$1" "$2" "a number from 1"; runs=$2; choose --runs "$2" ;;
        --jobs) [ "$2" = auto ] || check_number "$1" "$2" "a number from 1, or auto"; jobs=$2 ;;
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

# check_number OPTION VALUE WHAT
check_number() {
    case $2 in
        '' | *[!0-9]* | 0* | ??????*) die 2 "$1 $2: this is not $3" "./reproduce.sh --help" ;;
    esac
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

# What an earlier call finished is replaced, what anybody else left is not touched.
prepare_output() {
    [ -n "$out" ] || case $recorded in
        yes) out=$here/recorded ;;
        *) out=$here/reproduction ;;
    esac
    if [ -d "$out" ] && [ ! -f "$out/.reproduction" ] && [ -n "$(ls -A "$out")" ]; then
        die 2 "$out exists already, and holds something else" "name another directory with --output"
    fi
    [ -d "$out" ] || made=$out
    refuse_another_call
    if ! mkdir -p "$out" 2>/dev/null || ! work=$(mktemp -d "$out/.work.XXXXXX" 2>/dev/null); then
        die 2 "cannot write $out" "name another directory with --output"
    fi
    unique=${work##*.}
    printf '%s %s\n' "$$" "$unique" >"$out/.reproduction"
    rm -f "$out/build.log"
    if [ "$resume" = auto ]; then
        if [ -f "$out/report.json" ]; then resume=no; else resume=yes; fi
    fi
}

# refuse_another_call: two would replace each other's runs. One that was killed left its scratch space.
refuse_another_call() {
    [ -s "$out/.reproduction" ] || return 0
    read -r process earlier <"$out/.reproduction" || true
    case $process$earlier in '' | *[!A-Za-z0-9]*) return 0 ;; esac
    [ -d "$out/.work.$earlier" ] || return 0
    ! kill -0 "$process" 2>/dev/null || die 2 "another ./reproduce.sh, process $process, writes to $out" \
        "wait for it, or name another directory with --output; if it is not one: rm -r '$out/.work.$earlier'"
    rm -rf "$out/.work.$earlier"
    abandoned=$earlier
}

# remove_abandoned: the containers of a call that was killed. It is done twice: one may be in the making.
remove_abandoned() {
    [ -n "$abandoned" ] && [ -n "$engine" ] || return 0
    left=$("$engine" ps --all --quiet --filter "name=repropack-$bundle_name-$abandoned-" 2>/dev/null) || left=''
    # shellcheck disable=SC2086 # a list of ids
    [ -z "$left" ] || "$engine" rm -f -v $left >/dev/null 2>&1 || true
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

# is_it: whether this is the process whose traps these are. What it forks has the same $$ and, until it
# has set its own, the same traps: a signal that comes that early must not end what goes on.
is_it() {
    self=$(own_id) || return 0
    [ "$self" = "$process_id" ]
}

own_id() { exec sh -c 'echo "$PPID"'; }

finish() {
    code=$?
    is_it || exit "$code"
    trap '' INT TERM HUP
    stop_workers
    for process in "$child" "$guard"; do
        [ -z "$process" ] || kill "$process" 2>/dev/null || true
    done
    remove_container
    remove_leftovers
    remove_abandoned
    close_output
    exit "$code"
}

# On Ctrl-C or SIGTERM.
interrupted() {
    is_it || exit 130
    trap 'exit 130' INT TERM HUP
    [ -z "$workers" ] || say "stopping the runs"
    stop_workers
    [ -z "$running" ] || stop_run
    say "interrupted"
    exit 130
}

# ---- several at once: each is a process of its own, with its own container

# leave_if_alone: whoever called was killed, and another call may do these runs by now.
leave_if_alone() { [ -z "$worker" ] || kill -0 "$$" 2>/dev/null || exit 1; }

stop_workers() {
    # shellcheck disable=SC2086 # a list of processes
    [ -z "$workers" ] || kill -TERM $workers 2>/dev/null || true
    for each in $workers; do wait "$each" 2>/dev/null || true; done
    workers=''
}

# A worker's own end: its container goes with it, and the others take no more runs if it failed.
finish_worker() {
    code=$?
    is_it || exit "$code"
    trap '' TERM
    for process in "$child" "$guard"; do
        [ -z "$process" ] || kill "$process" 2>/dev/null || true
    done
    remove_container
    [ "$code" = 0 ] || [ ! -d "$work" ] || : >"$work/stop"
    exit "$code"
}

stop_worker() {
    is_it || exit 130
    trap 'exit 130' TERM
    [ -z "$running" ] || stop_run
    exit 130
}

# stop_run: the runner inside stops the experiment and writes a record that says so.
stop_run() {
    say "stopping $running"
    "$engine" stop -t 15 "$container" >/dev/null 2>&1 || true
    collect "$running" || true
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
    container=repropack-$bundle_name-$unique-${worker:+$worker.}$count
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

# ---- this machine, before anything is fetched

# can_judge_here: with this machine's own Python, which spares starting a container.
can_judge_here() {
    command -v python3 >/dev/null 2>&1 || return 1
    python3 -I -c 'import sys; sys.exit(sys.version_info < (3, 7))' 2>/dev/null
}

judge_here() { exec python3 -I "$here/judge.pyz" "$@" <"$input"; }

# choose_runs: which runs there will be, if that can be told already.
choose_runs() {
    judging=there
    : >"$work/chosen"
    can_judge_here || return 0
    judging=here
    input=/dev/null
    code=0
    await with_choices judge_here runs >"$work/chosen" 2>"$work/why" || code=$?
    [ "$code" = 0 ] || refuse_choice "$code" "$work/why"
}

# refuse_choice CODE FILE: what the judge says of a choice that cannot be.
refuse_choice() {
    case $1 in
        2 | 6) die "$1" "$(sed -n 's/^judge: error: //p' "$2" | tail -n 1)" "./reproduce.sh --help" ;;
        *) cat "$2" >&2; die 6 "which runs there are is not known: the judge failed" ;;
    esac
}

# check_machine: what is needed against what there is. A person is asked whether to go on without it.
check_machine() {
    read_machine
    lacking=''
    add_measured
    if ! image_is_there; then
        if [ "$writes" = 0 ]; then what="the image needs"; else what="the image and $writers need"; fi
        check_disk "$store" "$((disk_mb + writes))" "$what"
        wheels_are_whole || check_disk "$here" "$download_mb" "the packages need"
    elif [ "$writes" != 0 ]; then
        check_disk "$store" "$writes" "$writers $need"
    fi
    [ "$leaves" = 0 ] || check_disk "$out" "$leaves" "what the runs leave needs"
    check_memory
    check_gpu
    tell_time
    [ -z "$lacking" ] || go_on
}

# What the engine has: processors, bytes of memory, and the directory of its images, if it is here.
read_machine() {
    case $engine in
        docker) format='{{.NCPU}} {{.MemTotal}} {{.DockerRootDir}}' ;;
        *) format='{{.Host.CPUs}} {{.Host.MemTotal}} {{.Store.GraphRoot}}' ;;
    esac
    "$engine" info --format "$format" >"$work/machine" 2>/dev/null || : >"$work/machine"
    read -r cpus memory store <"$work/machine" || true
    case $cpus in *[!0-9]*) cpus='' ;; esac
    case $memory in *[!0-9]*) memory='' ;; esac
    case ${DOCKER_HOST:-} in '' | unix:*) ;; *) store='' ;; esac
}

# lack TEXT: told at once, and asked about when all is known.
lack() {
    say "note: $1"
    lacking=yes
}

# go_on: where nobody can answer, the note has to do.
go_on() {
    if [ "$yes" = yes ] || [ ! -t 0 ] || [ ! -t 2 ]; then return 0; fi
    printf 'go on all the same? [y/N] ' >&2
    read -r answer || answer=''
    case $answer in
        [yY] | [yY][eE][sS]) ;;
        *) die 130 "stopped, as you said" "--yes goes on without asking" ;;
    esac
}

# free_mb DIRECTORY: nothing where that cannot be told. (`df -P` counts 1024 bytes, we 10^6.)
free_mb() {
    kilobytes=$(df -Pk "$1" 2>/dev/null | sed -n '2s/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
    [ -z "$kilobytes" ] || printf '%s' "$((kilobytes / 977))"
}

# check_disk DIRECTORY MB WHAT
check_disk() {
    [ -n "$1" ] && [ -d "$1" ] || return 0
    free=$(free_mb "$1")
    [ -z "$free" ] || [ "$free" -ge "$2" ] || lack "$3 about $2 MB in $1, where $free MB are free"
}

# check_memory: what the authors' largest run had, of those that are to be done.
check_memory() {
    [ "$peak" != 0 ] && [ -n "$memory" ] || return 0
    there=$((memory / 1000000))
    [ "$there" -ge "$peak" ] || lack "a run had $peak MB of memory at the authors', and there are $there MB here"
}

# add_measured: what the authors' runs took together, in seconds, and left, in MB; and what the
# largest of them had of memory. What the largest wrote counts as often as runs are done at once.
add_measured() {
    total=0
    peak=0
    untold=0
    writes=0
    writers='a run'
    need=needs
    leaves=0
    [ ! -s "$work/chosen" ] || untold=$(grep -c '' "$work/chosen")
    [ "$quick" = no ] || return 0
    : >"$work/writes"
    while IFS=$tab read -r name each_s each_mb times each_writes each_leaves; do
        [ -n "$name" ] || continue
        if [ -s "$work/chosen" ]; then
            times=$(cut -f 5 "$work/chosen" | grep -c -x -F -e "$name" || true)
            untold=$((untold - times))
        fi
        total=$((total + times * each_s))
        leaves=$((leaves + times * each_leaves))
        [ "$times" != 0 ] || continue
        if [ "$each_mb" -gt "$peak" ]; then peak=$each_mb; fi
        [ "$each_writes" = 0 ] || echo "$each_writes $times" >>"$work/writes"
    done <<MEASURED
$measured_runs
MEASURED
    add_writes
}

add_writes() {
    at_once=0
    case $jobs in auto) places=1 ;; *) places=$jobs ;; esac
    sort -rn "$work/writes" >"$work/largest"
    while read -r each_writes times; do
        [ "$times" -le "$((places - at_once))" ] || times=$((places - at_once))
        writes=$((writes + times * each_writes))
        at_once=$((at_once + times))
    done <"$work/largest"
    [ "$at_once" -lt 2 ] || { writers="$at_once runs at once" && need=need; }
}

tell_time() {
    if [ "$total" = 0 ]; then
        say "time: not measured by the authors"
        return
    fi
    if [ "$total" -lt 60 ]; then
        words="less than a minute"
    elif [ "$total" -lt 5400 ]; then
        words="about $(((total + 30) / 60)) minutes"
    else
        words="about $(((total + 1800) / 3600)) hours"
    fi
    [ -s "$work/chosen" ] || [ -z "$choice" ] || words="$words for all runs"
    [ "$untold" = 0 ] || words="$words, and $untold runs that were not measured"
    say "time: $words, one run after the other, as the authors measured${measured_on:+ on $measured_on}"
    [ "$total" -lt 86400 ] || lack "that is more than a day"
}

# The GPUs of this machine, a line each: id, name, driver.
find_gpu() {
    gpu=none
    if [ "$cpu" = no ]; then
        nvidia-smi --query-gpu=uuid,name,driver_version --format=csv,noheader >"$work/gpus" 2>/dev/null ||
            : >"$work/gpus"
        gpu=$(head -n 1 "$work/gpus" | cut -d , -f 2 | sed 's/^ *//')
        [ -n "$gpu" ] || gpu=none
    fi
}

# check_gpu: runs that need one need a driver as new as the environment's CUDA, too.
check_gpu() {
    cut -f 1,2 "$work/chosen" >"$work/wanted"
    if [ ! -s "$work/wanted" ]; then # which runs there will be, the judge says in the image
        printf '%s\n' "$wanted_gpus" >"$work/wanted"
        if [ -n "$choice" ] || [ "$quick" = yes ] || [ "$cpu" = yes ]; then
            [ "$gpu$cpu" != noneno ] || [ -z "$(runs_that_need_it)" ] ||
                say "note: there is no GPU, and these experiments need one: $(runs_that_need_it)"
            return 0
        fi
    fi
    wanted=$(cut -f 2 "$work/wanted" | sort -u | tr '\n' ' ')
    case " $wanted" in
        *" required "*)
            [ "$gpu" != none ] || die 6 "there is no GPU, and these runs need one: $(runs_that_need_it)" \
                "see that nvidia-smi works"
            driver_is_new || die 6 "the NVIDIA driver is $driver, and $(runs_that_need_it)needs $driver_needed" \
                "install a newer driver"
            ;;
        *" optional "*)
            [ "$gpu" != none ] || say "note: there is no GPU: what could use one runs on the CPU"
            driver_is_new || say "note: the NVIDIA driver is $driver, older than $driver_needed, which CUDA here needs"
            ;;
        *) return 0 ;;
    esac
    [ "$engine" != podman ] || [ "$gpu" = none ] || check_cdi
}

# check_cdi: podman finds GPUs by a description of them.
check_cdi() {
    ! cat /etc/cdi/* /var/run/cdi/* 2>/dev/null | grep -q nvidia.com/gpu || return 0
    lack "podman finds GPUs by their description in /etc/cdi or /var/run/cdi, and there is none"
    say "hint: sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml, or --cpu for runs that do without"
}

runs_that_need_it() { sed -n "s/${tab}required\$//p" "$work/wanted" | tr '\n' ' '; }

# driver_is_new: also where nothing is known that it could be too old for.
driver_is_new() {
    driver=$(head -n 1 "$work/gpus" 2>/dev/null | cut -d , -f 3 | sed 's/^ *//') || driver=''
    if [ "$gpu" = none ] || [ -z "$driver_needed" ] || [ -z "$driver" ]; then return 0; fi
    have=$driver
    need=$driver_needed
    while [ -n "$need" ]; do
        if [ "${have%%.*}" -gt "${need%%.*}" ] 2>/dev/null; then return 0; fi
        [ "${have%%.*}" -ge "${need%%.*}" ] 2>/dev/null || return 1
        case $need in *.*) need=${need#*.} ;; *) need='' ;; esac
        case $have in *.*) have=${have#*.} ;; *) have=0 ;; esac
    done
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
remake_base() {
    case $base in *@*) return 1 ;; esac
    [ "$rebuild" = yes ] && [ -n "${REPROPACK_DEBIAN_MIRROR:-}" ] && can_bootstrap
}

# compare_base: the packages of the authors' base, and of the one below the image. A base with a
# digest is the same to the byte.
compare_base() {
    [ -s "$here/base.debs.tsv" ] || return 0
    case $recorded_base in *@sha256:*) return 0 ;; esac
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
    # Of a mirror's packages, whatever else the reviewer asked for.
    REPROPACK_DEBS='' REPROPACK_KEEP_DEBS='' sh base.sh "$suite" "$work/base/rootfs.tar" "$@" >&2 ||
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

conda_is_whole() { sha256 -c conda.sha256 >/dev/null 2>&1; }

# Conda packages come by their addresses; the host's Python asks for them, else the base's.
get_conda() {
    conda_is_whole && return
    say "fetching conda packages"
    mkdir -p conda
    fetched=0
    fetch_conda_on_host || fetched=$?
    [ "$fetched" != 1 ] || { fetched=0; fetch_conda_in_base || fetched=$?; }
    conda_is_whole && return
    [ "$fetched" != 7 ] || die 7 "a conda package is not the one that was locked" "see the messages above"
    die 75 "the conda packages could not be fetched" \
        "see the messages above; CONDA_CHANNEL_ALIAS names a mirror of the channels"
}

fetch_conda_on_host() {
    python_on_host || return 1
    await python3 tools/fetch_conda.py conda-explicit.txt conda >&2
}

fetch_conda_in_base() {
    say "fetching in a container of $base"
    rm -rf "$work/in"
    inbox=$work/in
    mkdir "$inbox"
    cp tools/fetch_conda.py conda-explicit.txt "$inbox/"
    lend_files
    # shellcheck disable=SC2016 # $0 is the inner shell's
    new_fetcher 'cd /in && exec "python$0" fetch_conda.py conda-explicit.txt conda'
    "$engine" cp "$inbox/." "$container:/in" >/dev/null
    code=0
    await "$engine" start -a "$container" >&2 || code=$?
    "$engine" cp "$container:/in/conda/." conda >/dev/null 2>&1 || true
    remove_container
    rm -rf "$inbox"
    return "$code"
}

# The host's own Python, if there is one, knows the host's proxies, certificates and indexes best.
fetch_on_host() {
    python_on_host || return 1
    fetch_for "$environment_python" fetch.txt && fetch_for "$python" fetch-tools.txt
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
    cp fetch-tools.txt "$inbox/"
    lend_files
    # shellcheck disable=SC2016 # $0 and $1 are the inner shell's
    new_fetcher 'cd /in && mkdir wheels && \
        fetch() { "python$0" "$1/pip" download --disable-pip-version-check --no-cache-dir --no-deps \
            --require-hashes --only-binary=:all: --log pip.log --dest wheels --requirement "$2" \
            --ignore-requires-python --implementation cp --python-version "$3" --platform linux_x86_64 --platform manylinux_2_36_x86_64 --platform manylinux_2_35_x86_64 --platform manylinux_2_34_x86_64 --platform manylinux_2_33_x86_64 --platform manylinux_2_32_x86_64 --platform manylinux_2_31_x86_64 --platform manylinux_2_30_x86_64 --platform manylinux_2_29_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux_2_26_x86_64 --platform manylinux_2_25_x86_64 --platform manylinux_2_24_x86_64 --platform manylinux_2_23_x86_64 --platform manylinux_2_22_x86_64 --platform manylinux_2_21_x86_64 --platform manylinux_2_20_x86_64 --platform manylinux_2_19_x86_64 --platform manylinux_2_18_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform manylinux_2_16_x86_64 --platform manylinux_2_15_x86_64 --platform manylinux_2_14_x86_64 --platform manylinux_2_13_x86_64 --platform manylinux_2_12_x86_64 --platform manylinux2010_x86_64 --platform manylinux_2_11_x86_64 --platform manylinux_2_10_x86_64 --platform manylinux_2_9_x86_64 --platform manylinux_2_8_x86_64 --platform manylinux_2_7_x86_64 --platform manylinux_2_6_x86_64 --platform manylinux_2_5_x86_64 --platform manylinux1_x86_64 \
            --abi "cp$(printf %s "$3" | tr -d .)" --abi abi3 --abi none; } && \
        { [ ! -s fetch.txt ] || fetch "$1" fetch.txt "3.8"; } && \
        fetch "$1" fetch-tools.txt "$0"'
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
        PIP_RETRIES PIP_DEFAULT_TIMEOUT CONDA_CHANNEL_ALIAS; do
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

name_image() {
    # shellcheck disable=SC2046 # two ids
    name_one "$tag" $(author_ids) || die 7 "what image.tar.zst holds is not the image of image.json" \
        "get this bundle again from where it was published"
}

# name_one NAME ID...: the first of these images that is there. Podman takes Docker's names for those of
# a registry.
name_one() {
    new_name=$1
    shift
    for id in "$@"; do
        inspect_image "$id" '{{.Id}}' >/dev/null || continue
        "$engine" tag "$id" "$new_name"
        [ "$engine" != podman ] || podman untag "$id" "docker.io/$new_name" >/dev/null 2>&1 || true
        return 0
    done
    return 1
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
        source tools wheels fetch.txt wheels.sha256 fetch-tools.txt conda conda.sha256 conda-explicit.txt; do
        [ ! -e "$part" ] || cp -RP "$part" "$work/bundle/"
    done
    cd "$work/bundle"
    chmod -R u+w .
}

# image_is_there: asked once.
image_is_there() {
    [ "$rebuild" != yes ] || return 1
    [ -n "$has_image" ] || if is_of_this_bundle; then has_image=yes; else has_image=no; fi
    [ "$has_image" = yes ]
}

is_of_this_bundle() {
    [ "$rebuild" = no ] && [ "$(inspect_image "$tag" "$bundle_label")" = "$digest" ]
}

get_image() {
    if image_is_there; then
        say "image: $tag is already there"
    elif [ "$rebuild" = yes ] || ! brings_image || ! load_image; then
        open_context
        get_base
        get_cuda
        get_wheels
        get_conda
        say "building $tag (network off)"
        built=yes
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

# compare_image: whether what was built here is what the authors had: by its id, else by the list of
# its files (from build --check-reproducible), else by the layers of the image that they sent.
compare_image() {
    rm -f "$out/image-differences.txt"
    theirs=$({ grep '"id": "sha256:' provenance.json | cut -d '"' -f 4; author_ids; } 2>/dev/null) || true
    [ -n "$theirs" ] || return 0
    if printf '%s\n' "$theirs" | grep -q -x -F "$image"; then
        say "image: what was built here is the authors' image, $image"
    elif [ -s "$here/image-files.tsv.gz" ]; then
        compare_files
    elif grep -q '^  "left_out": ' "$here/image.json" 2>/dev/null; then
        say "image: whether it is like the authors' is not known: theirs was written without what tells of"
        say "  their machine (owners' names, in an anonymous one times too); repropack verify --rebuild compares"
        say "  its files"
    elif brings_image; then
        compare_layers
    else
        say "image: what was built here has another id than the authors' image; whether its files are the"
        say "  same is not known: they did not build with --check-reproducible"
    fi
}

# compare_files: by the judge, in a container of the image. At most 20 are named.
compare_files() {
    say "comparing the image with the authors', file by file"
    hardened_container --interactive --network none "$image" /opt/env/bin/python /repropack/judge.pyz image
    compared=0
    await list_and_image >"$work/compared" 2>&1 || compared=$?
    remove_container
    lead='image: '
    while IFS= read -r line; do
        say "$lead$line"
        lead='  '
    done <"$work/compared"
    [ "$compared" != 1 ] || cp "$work/compared" "$out/image-differences.txt"
}

list_and_image() {
    { cat "$here/image-files.tsv.gz"; "$engine" save "$tag"; } | "$engine" start -a -i "$container"
}

# compare_layers: of the image that this bundle brings.
compare_layers() {
    inspect_image "$image" '{{range .RootFS.Layers}}{{println .}}{{end}}' | grep . >"$work/layers"
    sed -n 's/^  "\(sha256:[0-9a-f]*\)",*$/\1/p' "$here/image.json" >"$work/their-layers"
    if cmp -s "$work/layers" "$work/their-layers"; then
        say "image: what was built here has the authors' layers, and another config (as times differ)"
    else
        same=$(grep -c -x -F -f "$work/their-layers" "$work/layers" || true)
        say "image: what was built here is not the authors' image: $same of its $(grep -c '' "$work/layers") layers are among the authors' $(grep -c '' "$work/their-layers")"
    fi
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
    [ "$built" = yes ] || return 0
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

# judge_says INPUT COMMAND...: what the judge says to a file, here or in the image.
judge_says() {
    input=$1
    shift
    if [ "$judging" = here ]; then
        await judge_here "$@"
        return
    fi
    hardened_container --interactive --network none "$image" /opt/env/bin/python /repropack/judge.pyz "$@"
    code=0
    await attach || code=$?
    remove_container
    return "$code"
}

attach() {
    exec <"$input"
    cd "$work" && exec "$engine" start -a -i "$container"
}

# list_runs: all of the runs in $work/runs, and those that no earlier call has done in $work/left.
list_runs() {
    : >"$work/earlier"
    [ "$resume" = no ] || for record in "$out"/runs/*/record.json; do
        [ ! -f "$record" ] || { cat "$record" && echo; } >>"$work/earlier"
    done
    if [ -s "$work/earlier" ] || [ ! -s "$work/chosen" ]; then
        code=0
        with_choices judge_says "$work/earlier" runs --records - --image "$image" \
            >"$work/runs" 2>"$work/why" || code=$?
        [ "$code" = 0 ] || refuse_choice "$code" "$work/why"
    else
        cp "$work/chosen" "$work/runs"
    fi
    grep "${tab}left\$" "$work/runs" >"$work/left" || true
}

run_all() {
    list_runs
    if [ "$judging" = there ]; then
        cp "$work/runs" "$work/chosen"
        lacking=''
        check_gpu
        add_measured
        check_memory
        [ -z "$choice" ] || tell_time
        [ -z "$lacking" ] || go_on
    fi
    rm -rf "$out/attestation.json" "$out/report.txt" "$out/report.md" "$out/report.json" "$out/report.html" \
        "$out/report-data"
    [ "$resume" = yes ] || rm -rf "$out/runs"
    mkdir -p "$out/runs"
    tell_done
    settle_jobs
    if [ "$jobs" = 1 ]; then
        take_turns
    else
        share_turns
    fi
}

tell_done() {
    resumed=''
    done_count=$(grep -c "${tab}done\$" "$work/runs" || true)
    [ "$done_count" != 0 ] || return 0
    resumed="$done_count of $(grep -c '' "$work/runs") runs were done by an earlier call, and not repeated"
    say "$resumed"
}

# settle_jobs: how many at once. What one run leaves room for is the judge's to say.
settle_jobs() {
    if [ "$jobs" = auto ]; then
        jobs=1
        [ "$(grep -c '' "$work/left" || true)" -gt 1 ] || return 0
        measured=$(sed -n "s/${tab}.*${tab}done\$//p" "$work/runs" | head -n 1)
        if [ -z "$measured" ]; then
            take_turns 1
            measured=$(head -n 1 "$work/left" | cut -f 1)
        fi
        [ -f "$out/runs/$measured/record.json" ] || return 0
        judge_says "$out/runs/$measured/record.json" room --cpus "${cpus:-1}" ${memory:+--memory "$memory"} \
            >"$work/room" || return 0
        jobs=$(cat "$work/room")
    fi
    gpus=$(grep -c '' "$work/gpus" 2>/dev/null) || gpus=0
    if [ "$gpus" != 0 ] && [ "$jobs" -gt "$gpus" ] && cut -f 2 "$work/left" | grep -Eqx 'optional|required'; then
        jobs=$gpus
    fi
    [ "$jobs" = 1 ] || say "$jobs runs at once"
}

# take_turns [MOST]: the runs that are left and that nobody else has taken, so many at most.
take_turns() {
    turn=0
    taken=0
    while IFS=$tab read -r run want_gpu network timeout _; do
        turn=$((turn + 1))
        if [ -e "$work/stop" ] || [ "$taken" = "${1:-}" ]; then return 0; fi
        leave_if_alone
        mkdir "$work/turn.$turn" 2>/dev/null || continue
        taken=$((taken + 1))
        say "run: $run"
        run_one </dev/null
    done <"$work/left"
}

# share_turns: several processes take turns.
share_turns() {
    worker=0
    while [ "$worker" -lt "$jobs" ]; do
        worker=$((worker + 1))
        work_beside &
        workers="$workers $!"
    done
    worker=''
    failed=0
    for each in $workers; do wait "$each" || failed=$?; done
    workers=''
    [ "$failed" = 0 ] || exit "$failed"
}

work_beside() {
    process_id=$(own_id) || exit 1
    trap finish_worker EXIT
    trap stop_worker TERM
    workers=''
    own_gpu=$(sed -n "${worker}p" "$work/gpus" 2>/dev/null | cut -d , -f 1) || own_gpu=''
    take_turns
}

# run_one: as $run, $want_gpu, $network and $timeout say.
run_one() {
    running=$run
    new_run || die 6 "$run could not be started"
    leave_if_alone
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
    cpu_fact=''
    case $want_gpu in
        none) ;;
        cpu) cpu_fact=--cpu ;;
        *) gpu_fact=$gpu ;;
    esac
    set --
    [ "$network" = 1 ] || set -- --network none
    if [ "$gpu_fact" != none ]; then
        case $engine in
            podman) set -- "$@" --device "nvidia.com/gpu=$(cdi_name)" --security-opt label=disable ;;
            *) set -- "$@" --gpus "${own_gpu:+device=}${own_gpu:-all}" ;;
        esac
    fi
    hardened_container "$@" "$image" /opt/env/bin/python /repropack/judge.pyz run "$run" \
        --out /out ${runs:+--runs "$runs"} --fact "engine=$engine $version" --fact "image_id=$image" \
        --fact "commit=$commit" --fact "gpu=$gpu_fact" ${base_fact:+--fact "base=$base_fact"} \
        ${cpu_fact:+--fact "cpu=$cpu_fact"}
}

# cdi_name: of this process's GPU. Older tools describe GPUs by their number alone.
cdi_name() {
    if [ -z "$own_gpu" ]; then
        printf all
    elif cat /etc/cdi/* /var/run/cdi/* 2>/dev/null | grep -q -F -e "$own_gpu"; then
        printf '%s' "$own_gpu"
    else
        printf '%s' "$((worker - 1))"
    fi
}

# Where memory runs out, podman's monitor leaves a file called oom in the directory it was started in.
follow() {
    (cd "$work" && exec "$engine" start -a "$container") 2>&1 | while IFS= read -r line; do say "  $run: $line"; done
}

# collect ID: what the run wrote, without links, devices and special modes: an experiment chose it.
# It is moved to its place when it is whole, and nowhere when another call has taken over.
collect() {
    part=$work/part$worker
    leave_if_alone
    [ -d "$work" ] || return 1
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
    [ -z "$tolerance" ] || set -- "$@" --tolerance "$tolerance"
    [ -z "$resumed" ] || set -- "$@" --note "$resumed"
    : >"$work/records"
    while IFS=$tab read -r id _; do
        # Its outputs may hold another record.json, which is the experiment's own.
        [ ! -f "$out/runs/$id/record.json" ] || cat "$out/runs/$id/record.json" >>"$work/records"
    done <"$work/runs"
    [ ! -f "$here/author/report.json" ] || cat "$here/author/report.json" >>"$work/records"
    set -- judge --records - --logs "$out/runs" --subject "SHA256SUMS=$sums" --subject "$tag=${image#sha256:}" "$@"
    input=$work/records
    verdict=0
    if [ "$judging" = here ]; then
        await with_choices judge_here "$@" -o "$out" || verdict=$?
    else
        with_choices hardened_container --interactive --network none "$image" /opt/env/bin/python \
            /repropack/judge.pyz "$@" -o /out
        await attach || verdict=$?
        "$engine" cp "$container:/out/." "$out" >/dev/null || say "the report could not be collected"
    fi
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
    [ -z "$tolerance" ] || set -- "$@" --tolerance "$tolerance"
    say "reading shipped results: nothing is run"
    rm -f "$out/report.txt" "$out/report.md" "$out/report.json"
    verdict=0
    await with_choices python3 -I judge.pyz recorded --source source -o "$out" "$@" || verdict=$?
    case $verdict in
        0 | 1 | 6 | 8) say "report: $out/report.md" ;;
        *) die 6 "the judge failed" ;;
    esac
    return "$verdict"
}

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
    remove_abandoned
    find_gpu
    choose_runs
    check_machine
    get_image
    run_all
    judge_all
}

main "$@"
