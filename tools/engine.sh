#!/bin/sh
# Finds a container engine that answers, or sets one up. Exit 0: one answers. Exit 4: none does.
#   engine.sh            as root on Debian or Ubuntu: install and start Docker; else say what to type
#   engine.sh --find     only look
set -eu

say() { printf '%s\n' "$*" >&2; }
answers() { command -v "$1" >/dev/null 2>&1 && "$1" info >/dev/null 2>&1; }

answers docker && exit 0
[ "${1:-}" != --find ] || exit 4

if [ "$(id -u)" != 0 ]; then
    say "No container engine answers, and only root can set one up. Type:"
    say "    sudo apt-get install docker.io mmdebstrap && sudo usermod -aG docker \$USER && newgrp docker"
    say "or run without a container:"
    say "    ENGINE=venv make demo"
    exit 4
fi
if ! command -v dockerd >/dev/null 2>&1; then
    if ! command -v apt-get >/dev/null 2>&1; then
        say "No container engine answers, and this is not Debian or Ubuntu: install Docker, then try again."
        exit 4
    fi
    say "installing docker.io: images are built and experiments run in it"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io >/tmp/repropack-apt.log 2>&1 || {
        tail -n 5 /tmp/repropack-apt.log >&2
        exit 4
    }
fi
say "starting the Docker daemon"
if [ -d /run/systemd/system ]; then
    systemctl start docker
else
    setsid dockerd >/var/log/repropack-dockerd.log 2>&1 </dev/null &
fi
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    answers docker && exit 0
    sleep 1
done
say "the Docker daemon does not answer; its log is /var/log/repropack-dockerd.log"
exit 4
