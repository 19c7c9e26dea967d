#!/bin/sh
# Make the root file system of a base image, Debian with its own Python, from the distribution's
# packages. Equal package versions give equal bytes.
set -eu

usage() {
    cat <<'USAGE'
usage: base.sh SUITE OUTPUT.tar [PACKAGE...]
       base.sh --fetch SUITE LIST DIRECTORY

  SUITE        bullseye (Python 3.9), bookworm (3.11) or trixie (3.13)
  OUTPUT.tar   the root file system goes here; Dockerfile.base makes an image of it
  PACKAGE      more packages of the distribution, such as libgl1
  --fetch      the .deb of each line of LIST goes into DIRECTORY, as long as a mirror has these versions

Needs mmdebstrap, or debootstrap and root:  apt-get install mmdebstrap
REPROPACK_DEBIAN_MIRROR=URL takes the packages from there: a mirror, or a day of an archive that keeps
every day. The proxy of apt on this machine is used, and neither ends up in the root file system.
REPROPACK_PYTHON=FILE.tar.gz puts this Python into /usr/local instead of Debian's own: an archive as
python-build-standalone makes them, with everything below python/.
/usr/share/repropack/debs.tsv in it has a line for each package: name, version, architecture and the
SHA-256 of its .deb. REPROPACK_KEEP_DEBS=DIRECTORY keeps these files.
REPROPACK_DEBS=DIRECTORY takes the packages from there alone, without a network: exactly those of such a
list, which lies beside it as base.debs.tsv, and which each file is held against first. With the same
REPROPACK_PYTHON, the same bytes come out as then; PACKAGE need not be named again. The scripts of these
packages are run, as with any others: take them from somebody whom you trust.
Exit code: 0, 2 for a wrong argument, 7 for other files than the list's, 75 when the packages cannot be had.
USAGE
}

say() { printf '%s\n' "$*" >&2; }

die() { # die CODE MESSAGE HINT
    say "base.sh: $2"
    say "hint: $3"
    exit "$1"
}

case ${1-} in
    -h | --help) usage; exit 0 ;;
esac
tab=$(printf '\t')
list=''
directory=''
if [ "${1-}" = --fetch ]; then
    [ $# -eq 4 ] || { usage >&2; exit 2; }
    suite=$2
    list=$3
    directory=$4
    output=''
    set --
else
    [ $# -ge 2 ] || { usage >&2; exit 2; }
    suite=$1
    output=$2
    shift 2
fi
if [ -n "${REPROPACK_DEBS:-}" ] && [ -z "$list" ]; then
    directory=${REPROPACK_DEBS%/}
    list=$directory/../base.debs.tsv
fi
for package in "$@"; do
    case $package in
        [a-z0-9]*) ;;
        *) die 2 "not the name of a package: $package" "name packages as apt does" ;;
    esac
    case $package in
        *[!a-z0-9+.:=~_-]*) die 2 "not the name of a package: $package" "name packages as apt does" ;;
    esac
done

# The day of each release: no file is younger. Python's bytecode depends on it too.
# bookworm: without usr-is-merged apt takes usrmerge, and with it 50 MB of perl.
base_packages='ca-certificates netbase libstdc++6'
python_packages='python3 python3-distutils'
case $suite in
    bullseye) SOURCE_DATE_EPOCH=1628899200 ;;
    bookworm) SOURCE_DATE_EPOCH=1686355200; base_packages="$base_packages usr-is-merged" ;;
    trixie) SOURCE_DATE_EPOCH=1754697600; python_packages=python3 ;;
    *) die 2 "unknown suite: $suite" "one of bullseye, bookworm, trixie" ;;
esac
if [ -n "${REPROPACK_PYTHON:-}" ]; then
    [ -r "$REPROPACK_PYTHON" ] || die 2 "there is no $REPROPACK_PYTHON" "name the archive of a Python"
else
    base_packages="$base_packages $python_packages"
fi
export SOURCE_DATE_EPOCH
export LC_ALL=C.UTF-8 TZ=UTC
umask 022
# shellcheck disable=SC2086 # a list of package names without spaces
packages=$(printf '%s\n' $base_packages "$@" | LC_ALL=C sort -u | paste -s -d , -)

# Everything that becomes the name of a file or a word of a command has this shape. It is the list of a
# base of which every .deb is known.
check_list() {
    [ -s "$list" ] || die 2 "there is no $list" "it names each package, its version, architecture and SHA-256"
    cp "$list" "$work/list"
    if grep -qvxE "[a-z0-9][a-z0-9.+-]*${tab}[A-Za-z0-9.+:~-]+${tab}[a-z0-9-]+${tab}[0-9a-f]{64}" "$work/list"; then
        die 7 "$list is not a list of packages with the hash of each" "get it again from where it was published"
    fi
}

# file_of NAME VERSION ARCHITECTURE: as apt calls it.
file_of() {
    case $2 in
        *:*) printf '%s_%s_%s.deb' "$1" "$(printf '%s' "$2" | sed 's/:/%3a/g')" "$3" ;;
        *) printf '%s_%s_%s.deb' "$1" "$2" "$3" ;;
    esac
}

# take_debs: the packages of a directory as an archive of this suite. All are copied and have the right
# hash before the first is read; the names of the copies mean nothing to apt.
take_debs() {
    archive=$work/archive
    sums=$work/sums
    mkdir -p "$archive/pool"
    number=0
    while IFS=$tab read -r name version architecture sha256; do
        number=$((number + 1))
        file=$(file_of "$name" "$version" "$architecture")
        cp "$directory/$file" "$archive/pool/$number.deb" 2>/dev/null ||
            die 7 "$directory/$file is missing" "get it again from where it was published"
        printf '%s  %s\n' "$sha256" "$number.deb" >>"$sums"
        [ "$architecture" = all ] || machine=$architecture
    done <"$work/list"
    wrong=$(cd "$archive/pool" && sha256sum -c "$sums" 2>/dev/null | sed -n 's/[.]deb: FAILED$//p') || true
    for number in $wrong; do
        die 7 "$directory: $(sed -n "${number}p" "$work/list" | cut -f 1,2 | tr "$tab" ' ') is another file than the list's" \
            "get it again from where it was published"
    done
    write_index
    mirror="deb [trusted=yes] copy://$archive $suite main"
}

# write_index: what apt and debootstrap read of an archive, without the tools that make one.
write_index() {
    command -v dpkg-deb >/dev/null 2>&1 || die 75 "there is no dpkg-deb to read packages with" "apt-get install dpkg"
    index=main/binary-${machine:-amd64}/Packages
    mkdir -p "$archive/dists/$suite/${index%/*}"
    while read -r sha256 file; do
        deb=$archive/pool/$file
        dpkg-deb --field "$deb" || die 7 "$file cannot be read" "see the message above"
        printf 'Filename: pool/%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(wc -c <"$deb" | tr -d ' ')" "$sha256"
    done <"$sums" >"$archive/dists/$suite/$index"
    cd "$archive/dists/$suite"
    {
        printf 'Origin: repropack\nSuite: %s\nCodename: %s\n' "$suite" "$suite"
        printf 'Architectures: %s\nComponents: main\nSHA256:\n' "${machine:-amd64}"
        printf ' %s %s %s\n' "$(sha256sum <"$index" | cut -d ' ' -f 1)" "$(wc -c <"$index" | tr -d ' ')" "$index"
    } >Release
    cd "$OLDPWD"
}

# The same proxy as this machine's apt, lent through the environment: nothing writes it down.
lend_proxy() {
    command -v apt-config >/dev/null 2>&1 || return 0
    HTTP=''
    HTTPS=''
    eval "$(apt-config shell HTTP Acquire::http::Proxy HTTPS Acquire::https::Proxy)"
    case $HTTP in '' | DIRECT) ;; *) export http_proxy="$HTTP" ;; esac
    case $HTTPS in '' | DIRECT) ;; *) export https_proxy="$HTTPS" ;; esac
}

# What a run never needs, what differs from one time to the next, and what tells of this machine.
# The licences stay (/usr/share/doc/*/copyright), and so does the standard library's bytecode: with
# a read-only root it would be compiled again in every run. $1 is the root file system.
finish_script() {
    cat <<'FINISH'
set -eu
mkdir -p "$1/usr/share/repropack"
cd "$1/usr/share/repropack"
fields='${Package}\t${Version}\t${Architecture}'
chroot "$1" /usr/bin/dpkg-query --show --showformat "$fields\n" | LC_ALL=C sort >list
{
    # What mmdebstrap installed stands in the signed lists, with its hash; debootstrap keeps the files.
    if [ -n "${MMDEBSTRAP_APT_CONFIG:-}" ]; then
        cut -f 1 list | APT_CONFIG=$MMDEBSTRAP_APT_CONFIG xargs apt-cache show | awk -v OFS='\t' '
            function tell() { if (name != "" && hash != "") print name, version, architecture, hash
                              name = hash = "" }
            /^Package: / { name = $2 }
            /^Version: / { version = $2 }
            /^Architecture: / { architecture = $2 }
            /^SHA256: / { hash = $2 }
            /^$/ { tell() }
            END { tell() }'
    fi
    for file in "$1"/var/cache/apt/archives/*.deb; do
        [ -f "$file" ] || continue
        chroot "$1" dpkg-deb --show --showformat "$fields\t" "/var/cache/apt/archives/${file##*/}"
        sha256sum "$file" | cut -d ' ' -f 1
    done
} >hashes
awk -F '\t' -v OFS='\t' 'FILENAME == "hashes" { hash[$1, $2, $3] = $4; next }
    { print $0, (($1, $2, $3) in hash ? hash[$1, $2, $3] : "unknown") }' hashes list >debs.tsv
rm list hashes
cd "$1"
if [ -f "$work/python.tar.gz" ]; then
    tar -xzf "$work/python.tar.gz" -C usr/local --strip-components=1 --no-same-owner
    chown -R 0:0 usr/local
    chroot "$1" ldconfig
    find usr/local -name __pycache__ -prune -exec rm -rf {} +
    set -- "$1" usr/local/lib/python3.*/os.py
    library=${2%/os.py}
    chroot "$1" "/usr/local/bin/${library##*/}" -m compileall -q -x 'lib2to3/tests|/test/' \
        --invalidation-mode checked-hash "/$library" >/dev/null || true
fi
rm -rf etc/apt/sources.list* etc/apt/apt.conf.d/99mmdebstrap etc/apt/auth.conf* etc/apt/trusted.gpg*
rm -rf etc/dpkg/dpkg.cfg.d/99mmdebstrap etc/machine-id var/lib/dbus/machine-id
rm -f etc/hostname etc/resolv.conf etc/passwd- etc/shadow- etc/group- etc/gshadow- etc/.pwd.lock
rm -rf var/cache/* var/lib/apt/* var/lib/dpkg/*-old var/lib/systemd var/lib/shells.state
rm -rf run/* tmp/* var/tmp/* root/.cache
rm -rf usr/share/man usr/share/info usr/share/lintian usr/share/bash-completion usr/share/bug
find var/log -type f -exec rm -f {} +
[ ! -d usr/share/locale ] || find usr/share/locale -mindepth 1 -delete
find usr/share/doc -mindepth 2 ! -name copyright ! -type d -delete
find usr/share/doc -mindepth 1 -type d -empty -delete
[ ! -d usr/share/python3 ] || find usr/share/python3 -name __pycache__ -prune -exec rm -rf {} +
FINISH
}

# Without cleanup/apt: what it cleans is gone by then, with the settings by which apt finds it, so that it
# would empty this machine's own lists and cache, or fail where that is forbidden.
with_mmdebstrap() {
    set -- --variant=essential --mode=auto --format=tar --include="$packages" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "2"' \
        --dpkgopt=force-unsafe-io --skip=cleanup/apt --customize-hook="sh '$work/finish' \"\$1\""
    hooks=/usr/share/mmdebstrap/hooks/merged-usr
    if [ "$suite" = bookworm ] && [ -d "$hooks" ]; then
        set -- --hook-dir="$hooks" "$@"
    fi
    if [ -n "${REPROPACK_KEEP_DEBS:-}" ]; then
        mkdir "$work/kept"
        set -- --skip=essential/unlink --customize-hook="sync-out /var/cache/apt/archives '$work/kept'" "$@"
    fi
    say "bootstrapping Debian $suite with mmdebstrap"
    mmdebstrap "$@" "$suite" "$part" ${mirror:+"$mirror"} >&2 || return
    [ -z "${REPROPACK_KEEP_DEBS:-}" ] || cp "$work"/kept/*.deb "$REPROPACK_KEEP_DEBS/"
}

# Of the same archives as a base: mmdebstrap knows them, and how to prove what they say.
fetch_script() {
    cat <<'FETCH'
set -eu
export APT_CONFIG=$MMDEBSTRAP_APT_CONFIG
mkdir "$1/debs"
cd "$1/debs"
cut -f 1 "$work/list" | xargs apt-cache show 2>/dev/null | sed -n 's/^SHA256: //p' >"$1/known" || true
if grep -v -F -f "$1/known" "$work/list" >"$1/gone"; then
    cut -f 1,2 "$1/gone" | sed 's/^/gone: /' >&2
    exit 1
fi
cut -f 1,2 "$work/list" | tr '\t' '=' | xargs apt-get download
FETCH
}

fetch_with_mmdebstrap() {
    mkdir "$work/kept"
    say "fetching packages of Debian $suite"
    mmdebstrap --variant=custom --mode=auto --format=null \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "2"' \
        --customize-hook="sh '$work/fetch' \"\$1\"" --customize-hook="sync-out /debs '$work/kept'" \
        "$suite" - ${mirror:+"$mirror"} >&2 || return
    while IFS=$tab read -r name version architecture sha256; do
        file=$(file_of "$name" "$version" "$architecture")
        [ "$(sha256sum <"$work/kept/$file" | cut -d ' ' -f 1)" = "$sha256" ] || return
        cp "$work/kept/$file" "$directory/"
    done <"$work/list"
}

with_debootstrap() {
    root=$work/root
    say "bootstrapping Debian $suite with debootstrap"
    if [ -d "$work/archive" ]; then
        grep -q "^apt$tab" "$work/list" || die 75 "mmdebstrap chose these packages, debootstrap wants others" \
            "apt-get install mmdebstrap"
        set -- --no-check-gpg "$suite" "$root" "file://$work/archive"
    else
        set -- "$suite" "$root" ${mirror:+"$mirror"}
    fi
    debootstrap --variant=minbase --merged-usr --include="$packages" "$@" >&2 || return
    [ -z "${REPROPACK_KEEP_DEBS:-}" ] || cp "$root"/var/cache/apt/archives/*.deb "$REPROPACK_KEEP_DEBS/"
    sh "$work/finish" "$root" || return
    tar --create --file "$part" --directory "$root" --sort=name --numeric-owner --format=posix \
        --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' \
        --mtime="@$SOURCE_DATE_EPOCH" --clamp-mtime --one-file-system .
}

work=$(mktemp -d)
part=${output:-$work/rootfs.tar}.part
cleanup() { rm -rf "$work" "$part"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mirror=${REPROPACK_DEBIAN_MIRROR:-}
chmod 755 "$work" # mmdebstrap without root reads it as another user
{ printf 'work=%s\n' "$work"; finish_script; } >"$work/finish"
[ -z "${REPROPACK_PYTHON:-}" ] || cp "$REPROPACK_PYTHON" "$work/python.tar.gz"
if [ -n "$list" ]; then
    check_list
fi
if [ -n "$list" ] && [ -n "$output" ]; then
    take_debs
    packages=$(cut -f 1 "$work/list" | paste -s -d , -)
else
    lend_proxy
fi
failed='the packages could not be had or unpacked (see above)'
again='look at the network, the proxy of apt and the disk, then run the same command again'
if [ -z "$output" ]; then
    command -v mmdebstrap >/dev/null 2>&1 || die 75 "mmdebstrap is not installed" "apt-get install mmdebstrap"
    { printf 'work=%s\n' "$work"; fetch_script; } >"$work/fetch"
    fetch_with_mmdebstrap || die 75 "$failed" "$again"
    exit 0
fi
if command -v mmdebstrap >/dev/null 2>&1; then
    with_mmdebstrap || die 75 "$failed" "$again"
elif command -v debootstrap >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] || die 75 "debootstrap needs root" "apt-get install mmdebstrap"
    with_debootstrap || die 75 "$failed" "$again"
else
    die 75 "neither mmdebstrap nor debootstrap is installed" "apt-get install mmdebstrap"
fi
mv -f "$part" "$output"
