#!/usr/bin/env bash
# Install the Debian packages named in the given lists, and only those that are missing.
# Usage: tools/host_packages.sh LIST...   (one package per line, # starts a comment; a list that does not exist is empty)
# A second word on a line is the service that comes with the package: it is not to run on this host because of us.
set -euo pipefail

wanted=()
declare -A services
for list in "$@"; do
    [ -f "$list" ] || continue
    while read -r name service; do
        case "$name" in '' | '#'*) continue ;; esac
        wanted+=("$name")
        services[$name]=$service
    done <"$list"
done
[ "${#wanted[@]}" -gt 0 ] || exit 0

# dpkg-query leaves out what it has never heard of, so compare with the list instead of trusting its status.
installed=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^.i //p' || true)
mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) <(sort -u <<<"$installed"))
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "venv: missing Debian packages: ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
    echo "venv: not root. Install them first: apt-get install ${missing[*]}" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes
apt-get -qq update
if [ ! -e /usr/sbin/policy-rc.d ]; then
    # How Debian is told to start nothing that it installs.
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
fi
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
for name in "${missing[@]}"; do
    [ -z "${services[$name]}" ] || [ ! -d /run/systemd/system ] || systemctl disable --now --quiet "${services[$name]}"
done
