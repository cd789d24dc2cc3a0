#!/bin/sh
# The first program of a guest: puts the root file system together and hands over to systemd.
#
# Disks: "root" (erofs, read-only, the image), "scratch" (ext4, thrown away with the machine) and,
# for an image that has one, "layer" (erofs, read-only): what it holds lies under the root's files.
# /payload holds what the host ships into this guest; it is laid over the new root.
# Nothing here asks a question: a guest that cannot start says why and powers off.

fail() {
    echo "mayfly-init: $*" >/dev/console
    poweroff -f
}

# disk SERIAL FALLBACK: prints the device with that serial; older hosts set none, order decides.
disk() {
    for block in /sys/block/vd*; do
        if [ -r "$block/serial" ] && [ "$(cat "$block/serial")" = "$1" ]; then
            echo "/dev/${block##*/}"
            return
        fi
    done
    echo "/dev/$2"
}

mount -t proc -o nosuid,nodev,noexec proc /proc || fail "cannot mount /proc"
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys || fail "cannot mount /sys"
mount -t devtmpfs -o nosuid,mode=0755 devtmpfs /dev || fail "cannot mount /dev"

for module in /modules/*.ko; do
    insmod "$module" || fail "cannot load ${module##*/}"
done

root=$(disk root vda)
scratch=$(disk scratch vdb)
[ -b "$root" ] || fail "no root disk $root"
[ -b "$scratch" ] || fail "no scratch disk $scratch"
mount -t erofs -o ro "$root" /image || fail "cannot mount the root disk $root"
mount -t ext4 -o noatime,nodiscard "$scratch" /scratch || fail "cannot mount the scratch disk $scratch"

lower=/image
layer=$(disk layer none)
if [ -b "$layer" ]; then
    mount -t erofs -o ro "$layer" /layer || fail "cannot mount the layer $layer"
    lower=/image:/layer
fi

mkdir -p /scratch/upper /scratch/work /scratch/docker /scratch/runner ||
    fail "cannot write to the scratch disk $scratch"
chown 1001:1001 /scratch/runner
mount -t overlay -o "lowerdir=$lower,upperdir=/scratch/upper,workdir=/scratch/work" overlay /newroot ||
    fail "cannot mount the overlay"

# What must not lie on an overlay: dockerd's own overlays, and the job's heavily written work folder.
mount --bind /scratch/docker /newroot/var/lib/docker || fail "cannot mount /var/lib/docker"
mount --bind /scratch/runner /newroot/home/runner/work || fail "cannot mount /home/runner/work"

if [ -d /payload ]; then
    # Not -a: folders that exist keep their owner and mode.
    cp -dR /payload/. /newroot/ || fail "cannot copy the payload"
fi

for folder in proc sys dev; do
    mount --move "/$folder" "/newroot/$folder" || fail "cannot move /$folder"
done
exec switch_root /newroot /lib/systemd/systemd
fail "cannot start systemd"
