#!/bin/sh
# Build stage of the NETCONF router: compile the plug-in of netconfd, then remove the compiler.
# usage: setup.sh TREE STAGED
set -eu
tree=$1
staged=$2

mkdir -p "$tree"/usr/local/lib/netconf-router
cp -r "$staged"/. "$tree"/usr/local/lib/netconf-router
chroot "$tree" /bin/sh -eu <<'BUILD'
cd /usr/local/lib/netconf-router
includes=$(find /usr/include/yuma -type d -printf '-I%p ')
# shellcheck disable=SC2086
gcc -shared -fPIC -O2 -Wall -Wextra -Werror -I/usr/include/libxml2 $includes \
    -o libietf-nat.so apply_to_kernel.c
export DEBIAN_FRONTEND=noninteractive
apt-get -qq purge --autoremove gcc libc6-dev libxml2-dev libyuma-dev >/dev/null
BUILD
