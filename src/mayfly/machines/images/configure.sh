#!/bin/sh
# Unpacks and configures the packages of a guest's root; bootstrap.sh starts it, in a mount
# namespace of its own, so nothing it mounts is there when the root is packed.
#
# Maintainer scripts run inside the new root. For a foreign architecture that means emulation, ten
# times slower; so the programs scripts are made of (shell, coreutils, perl, python ...) in the
# *host's* architecture and the guest's release, the toolbox, are mounted over the root's own. The
# libraries of both fit side by side, in folders named after their architecture. Byte code, unit
# links and the certificate bundle come out the same.
#
# Environment: as bootstrap.sh, and ROOT, TOOLBOX, LISTS. Descriptor 3 takes progress.
set -euf
umask 022
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

NODES="null zero full random urandom"

foreign() { [ "$ARCH" != "$NATIVE" ]; }

# It reads the host's settings; the guest's own, which the overlay brings, are given as options.
# --force-depends: unpacked all at once, packages do not find those they need configured; and for
# the host's dpkg, a foreign package does not satisfy one for all architectures.
dpkg_of_host() {
    # shellcheck disable=SC2046  # one option a line, without blanks
    dpkg --root="$ROOT" $(sed 's/^/--/' "$ROOT/etc/dpkg/dpkg.cfg.d/mayfly") --status-fd 3 \
        --force-architecture --force-depends --force-confold "$@"
}

mount_devices() {
    mount -t proc proc "$ROOT/proc" 2>/dev/null || mount --rbind /proc "$ROOT/proc"
    for node in $NODES; do
        : >"$ROOT/dev/$node"
        mount --bind "/dev/$node" "$ROOT/dev/$node"
    done
}

# What the first maintainer scripts count on.
prepare() {
    install -d "$ROOT/var/lib/dpkg/info" "$ROOT/var/lib/dpkg/updates"
    : >"$ROOT/var/lib/dpkg/status"
    echo "$ARCH" >"$ROOT/var/lib/dpkg/arch"
    cp "$ROOT/usr/share/base-passwd/passwd.master" "$ROOT/etc/passwd"
    cp "$ROOT/usr/share/base-passwd/group.master" "$ROOT/etc/group"
    cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
    cp -R "$WORK/overlay/." "$ROOT/"
    # Start no service while the root is made.
    printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
    chmod 0755 "$ROOT/usr/sbin/policy-rc.d"
}

is_program() { [ -f "$1" ] && [ ! -L "$1" ] && [ "$(head -c 4 "$1" | tail -c 3)" = ELF ]; }

# mount_over PATH: the toolbox's file or folder over the root's.
mount_over() {
    mount --bind "$TOOLBOX/$1" "$ROOT/$1"
    echo "$1" >>"$LISTS/mounted"
}

# The toolbox's libraries go where the root has nothing; its programs over those the root has too,
# except ldconfig, which only knows libraries of its own architecture.
mount_toolbox() {
    {
        find "$TOOLBOX/usr/lib" -maxdepth 1 \( -name '*-linux-gnu' -o -name 'ld-linux*' \) \
            -printf 'usr/lib/%P\n'
        find "$TOOLBOX/usr/lib64" -maxdepth 0 ! -empty -printf 'usr/lib64\n'
    } >"$LISTS/native"
    while read -r path; do
        if [ -d "$TOOLBOX/$path" ]; then install -d "$ROOT/$path"; else : >"$ROOT/$path"; fi
        mount_over "$path"
    done <"$LISTS/native"
    [ -e "$ROOT/lib64" ] || ln -s usr/lib64 "$ROOT/lib64"
    (cd "$TOOLBOX" && find usr/bin usr/sbin -type f ! -name ldconfig) | while read -r path; do
        if is_program "$TOOLBOX/$path" && is_program "$ROOT/$path"; then mount_over "$path"; fi
    done
}

# Takes away what mount_toolbox had to create, too.
unmount_toolbox() {
    while read -r path; do umount "$ROOT/$path"; done <"$LISTS/mounted"
    while read -r path; do
        if [ -d "$ROOT/$path" ]; then rmdir "$ROOT/$path"; else rm "$ROOT/$path"; fi
    done <"$LISTS/native"
    [ -e "$ROOT/lib64" ] || rm -f "$ROOT/lib64"
}

in_root() {
    cp "$WORK/$1" "$ROOT/tmp/"
    chroot "$ROOT" sh -eu "/tmp/$1"
}

# What two machines must not share, and what only fills the image.
seal() {
    : >"$ROOT/etc/machine-id"
    : >"$ROOT/etc/resolv.conf"
    rm -f "$ROOT/usr/sbin/policy-rc.d" "$ROOT/var/lib/dbus/machine-id" \
        "$ROOT/var/lib/systemd/random-seed"
    find "$ROOT/etc" -path '*/ssh/ssh_host_*' -delete
    find "$ROOT/var/lib/dpkg" "$ROOT/var/cache/debconf" -name '*-old' -delete
    umount --lazy "$ROOT/proc"
    for node in $NODES; do umount "$ROOT/dev/$node"; done
    for folder in dev run tmp var/tmp var/log var/cache/apt; do
        find "$ROOT/$folder" -mindepth 1 -delete
    done
}

prepare
mount_devices
# shellcheck disable=SC2046  # a list of paths without blanks
dpkg_of_host --unpack $(cat "$LISTS/all")

echo "stage: configuring" >&3
if foreign; then
    # Its script removes an unowned /lib64, which the toolbox needs: run it before.
    dpkg_of_host --configure usr-is-merged
    mount_toolbox
fi
dpkg_of_host --configure --pending
chroot "$ROOT" depmod --all "$(cat "$WORK/kernel-release")"
in_root customize.sh
if foreign; then unmount_toolbox; fi
# Package lists as of today: the guest's first `apt-get update` finds most of them current.
cp -a "$WORK/apt/$ARCH/lists/." "$ROOT/var/lib/apt/lists/"
# The recipe's own commands see the guest's architecture and nothing else.
in_root commands.sh
seal
