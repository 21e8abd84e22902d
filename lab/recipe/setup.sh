#!/bin/sh
# Turns a bootstrapped Debian tree into a node of the lab.
# usage: setup.sh TREE may|must-not        (may Python be in it?)
set -eu
tree=$1
python=$2

# A router has no Python: what manages it must do without.
if [ "$python" = must-not ] && ls "$tree"/usr/bin/python3* "$tree"/usr/lib/python3* >/dev/null 2>&1; then
    echo "a package of this image brings Python with it" >&2
    exit 1
fi

# Keys belong to a node, not to an image.
rm -f "$tree"/etc/ssh/ssh_host_*
rm -f "$tree"/etc/machine-id
touch "$tree"/etc/machine-id

# The operator: not root, no password, sudo.
chroot "$tree" useradd --create-home --shell /bin/bash netops
mkdir -p "$tree"/home/netops/.ssh
chroot "$tree" chown -R netops:netops /home/netops/.ssh
chmod 700 "$tree"/home/netops/.ssh
echo 'netops ALL=(ALL) NOPASSWD: ALL' > "$tree"/etc/sudoers.d/netops
chmod 440 "$tree"/etc/sudoers.d/netops

# Only /proc/sys/net is writable in a node (lab-procsys.service); the rest belongs to the machine that runs the lab.
rm -f "$tree"/usr/lib/sysctl.d/*.conf "$tree"/etc/sysctl.d/*.conf

# Nothing that a container cannot or need not do.
for unit in apt-daily.timer apt-daily-upgrade.timer console-getty.service dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer getty.target kamailio.service systemd-logind.service systemd-networkd.service \
    systemd-tmpfiles-clean.timer systemd-update-utmp.service; do
    rm -f "$tree"/etc/systemd/system/*.wants/"$unit"
done
ln -sf /dev/null "$tree"/etc/systemd/system/systemd-logind.service
ln -sf /dev/null "$tree"/etc/systemd/system/console-getty.service
ln -sf /dev/null "$tree"/etc/systemd/system/getty.target
chroot "$tree" systemctl enable --quiet nftables.service ssh.service
rm -rf "$tree"/usr/share/doc/* "$tree"/usr/share/man/* "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*
