#!/bin/sh
# Runs in the new root once every package is configured: accounts, units, trust, and what must not
# be in an image. Reads nothing from the network.
set -eu

# Accounts: jobs run as `runner`, who may do anything inside the machine.
groupadd --gid 1001 runner
useradd --uid 1001 --gid 1001 --create-home --shell /bin/bash --groups sudo,adm runner
passwd --lock root >/dev/null
echo 'runner ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/runner
chmod 0440 /etc/sudoers.d/runner
install -d -o 1001 -g 1001 /home/runner/work
install -d -m 0710 /var/lib/docker

# Units a guest without console, clock drift and maintenance windows does not need; a getty that
# waits for a serial device that never appears costs 90 s.
for unit in getty@.service serial-getty@.service console-getty.service getty.target \
    getty-static.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer \
    dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer logrotate.timer \
    man-db.timer systemd-networkd-wait-online.service systemd-networkd.service \
    systemd-networkd.socket systemd-resolved.service systemd-firstboot.service \
    systemd-machine-id-commit.service systemd-pstore.service systemd-boot-system-token.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path \
    systemd-rfkill.service systemd-rfkill.socket systemd-hwdb-update.service \
    ldconfig.service systemd-remount-fs.service systemd-fsck-root.service \
    systemd-update-done.service systemd-random-seed.service dev-hugepages.mount \
    proc-sys-fs-binfmt_misc.automount systemd-initctl.socket; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
install -d /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nForwardToConsole=no\n' \
    >/etc/systemd/journald.conf.d/mayfly.conf

# Names, languages, addresses: plain files that the host or the job may rewrite.
echo 'LANG=C.UTF-8' >/etc/default/locale
echo localhost >/etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >/etc/hosts
rm -f /etc/resolv.conf
: >/etc/resolv.conf
: >/etc/fstab

# Trust: everything uses the system's store, to which the host's own authorities were added.
bundle=/etc/ssl/certs/ca-certificates.crt
printf '[global]\ncert = %s\ndisable-pip-version-check = true\nbreak-system-packages = true\n' "$bundle" >/etc/pip.conf
cat >>/etc/environment <<EOF
LANG=C.UTF-8
SSL_CERT_FILE=$bundle
REQUESTS_CA_BUNDLE=$bundle
NODE_EXTRA_CA_CERTS=$bundle
EOF

# What two machines must not share, and what only fills the image.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed /etc/ssh/ssh_host_*
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old \
    /var/log/*.log /var/log/apt/* /tmp/* /var/tmp/*
