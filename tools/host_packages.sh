#!/usr/bin/env bash
# Install the Debian packages named in the given lists, and only those that are missing.
# Usage: tools/host_packages.sh LIST...   (one package per line, # starts a comment; a list that does not exist is empty)
set -euo pipefail

wanted=()
for list in "$@"; do
    [ -f "$list" ] || continue
    while read -r name _; do
        case "$name" in '' | '#'*) ;; *) wanted+=("$name") ;; esac
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
apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
