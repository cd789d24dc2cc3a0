#!/bin/sh
# Runs inside a guest's root once every package is configured: accounts, units, trust. Reads
# nothing from the network.

# Jobs run as `runner`, who may do anything inside the machine.
groupadd --gid 1001 runner
useradd --uid 1001 --gid 1001 --create-home --shell /bin/bash --groups sudo,adm runner
echo 'runner ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/runner
chmod 0440 /etc/sudoers.d/runner
install -d -o runner -g runner /home/runner/work
install -d -m 0710 /var/lib/docker

# What a guest without console, maintenance windows and a past does not need. A getty that waits
# for a serial device that never appears alone costs 90 s.
for unit in \
    getty.target getty@.service serial-getty@.service console-getty.service getty-static.service \
    systemd-ask-password-console.path systemd-ask-password-wall.path systemd-initctl.socket \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    e2scrub_reap.service fstrim.timer logrotate.timer man-db.timer \
    systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service \
    systemd-resolved.service systemd-timesyncd.service \
    systemd-firstboot.service systemd-machine-id-commit.service systemd-pstore.service \
    systemd-boot-system-token.service systemd-random-seed.service systemd-rfkill.service \
    systemd-rfkill.socket systemd-hwdb-update.service systemd-update-done.service \
    systemd-sysusers.service systemd-update-utmp.service systemd-update-utmp-runlevel.service \
    systemd-journal-flush.service systemd-journal-catalog-update.service ldconfig.service \
    systemd-remount-fs.service systemd-fsck-root.service modprobe@.service; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
ln -sf /usr/lib/systemd/system/multi-user.target /etc/systemd/system/default.target
# Started by the first who asks over D-Bus; binfmt.d: nobody starts byte code by its file name.
rm -f /usr/lib/systemd/system/multi-user.target.wants/systemd-logind.service \
    /usr/lib/binfmt.d/python3.*.conf

# Trust: every program reads the system's store, to which the host's own authorities were added.
bundle=/etc/ssl/certs/ca-certificates.crt
cat >/etc/pip.conf <<EOF
[global]
cert = $bundle
disable-pip-version-check = true
break-system-packages = true
EOF
cat >/etc/environment <<EOF
LANG=C.UTF-8
SSL_CERT_FILE=$bundle
REQUESTS_CA_BUNDLE=$bundle
NODE_EXTRA_CA_CERTS=$bundle
EOF
