#!/bin/sh
# Build stage of the SNMP router: our agent for NAT-MIB and the library that it speaks SNMP by.
# usage: setup.sh TREE STAGED
set -eu
tree=$1
staged=$2

mkdir -p "$tree"/usr/local/lib/snmp-router
cp -r "$staged"/. "$tree"/usr/local/lib/snmp-router
# Debian's way of starting it; the lab lays its own beside it.
rm -f "$tree"/etc/systemd/system/multi-user.target.wants/snmpd.service
