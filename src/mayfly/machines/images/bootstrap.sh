#!/bin/sh
# Makes the root file system of a guest and packs it. The builder starts this script as (mapped)
# root in mount and process namespaces of its own: when it dies, no mount and no process is left.
#
# Packages are resolved, downloaded and unpacked by the host's own apt and dpkg, whatever the
# guest's architecture; configure.sh then runs their maintainer scripts.
#
# Environment: WORK   what the builder prepared: apt-ARCH.conf, overlay/, configure.sh and others;
#                     and what it wants back: boot/, packages, kernel-release
#              OUT    folder for the image's files
#              CACHE  downloaded packages, kept from build to build
#              MEMORY yes: make the root in a tmpfs
#              ARCH NATIVE             Debian's names of the guest's and the host's architecture
#              PACKAGES TOOLS MODULES  lists of names; KERNEL: the kernel's meta package
#              COMPRESSION             for mkfs.erofs, such as -zlz4, or nothing
# Standard output carries progress, for the builder to read: "stage: NAME", "total: PACKAGES", and
# the status lines of apt and dpkg. Everything else goes to standard error, the log.
set -eu
umask 022
exec 3>&1 1>&2

build=$WORK/build
export ROOT="$build/root" TOOLBOX="$build/toolbox" LISTS="$build/lists"

stage() { echo "stage: $1" >&3; }

foreign() { [ "$ARCH" != "$NATIVE" ]; }

# with_apt ARCH COMMAND...: one of apt's tools, acting for ARCH on a system without packages. Two
# builds may share a cache; apt does not wait for its own lock on it, so they take ours.
with_apt() {
    apt_arch=$1
    shift
    (cd "$CACHE/$apt_arch" && APT_CONFIG="$WORK/apt-$apt_arch.conf" flock mayfly.lock "$@")
}

# fetch ARCH LIST PACKAGE...: downloads packages and all they need; writes their paths to LIST.
# Debug::pkgDPkgPM makes apt stop short of starting dpkg.
fetch() {
    fetch_arch=$1 fetch_list=$2
    shift 2
    with_apt "$fetch_arch" apt-get --quiet --assume-yes -o APT::Status-Fd=3 \
        -o Debug::pkgDPkgPM=1 -o "DPkg::Pre-Install-Pkgs::=cat >'$fetch_list'" install "$@"
}

# The kernel is taken apart, never installed: that would build an initrd nobody uses.
fetch_kernel() {
    package=$(with_apt "$ARCH" apt-cache depends --important "$KERNEL" |
        sed -n 's/^ *Depends: *//p')
    with_apt "$ARCH" apt-get --quiet download "$package"
    with_apt "$ARCH" apt-cache show --no-all-versions "$package" >"$LISTS/kernel"
    release=${package#linux-image-}
    # apt writes a colon of the version as %3a.
    version=$(sed -n 's/^Version: //p' "$LISTS/kernel" | sed 's/:/%3a/')
    dpkg-deb --extract "$CACHE/$ARCH/${package}_${version}_$ARCH.deb" "$build/kernel"
    echo "$release" >"$WORK/kernel-release"
}

# extract FOLDER LIST: lays packages down without running anything. tar and not dpkg-deb --extract,
# which would replace the links of a merged /usr by folders.
extract() {
    for folder in bin sbin lib lib64; do
        install -d "$1/usr/$folder"
        ln -s "usr/$folder" "$1/$folder"
    done
    while read -r deb; do
        dpkg-deb --fsys-tarfile "$deb" | tar -C "$1" --keep-directory-symlink -xf -
    done <"$2"
}

pack() {
    install -d "$WORK/boot"
    cp "$ROOT/usr/bin/busybox" "$WORK/boot/"
    for module in $MODULES; do
        find "$ROOT/usr/lib/modules" -name "$module.ko" -exec cp {} "$WORK/boot/" ';'
    done
    dpkg-query --admindir="$ROOT/var/lib/dpkg" --show \
        --showformat '${Package} ${Version}\n' >"$WORK/packages"
    cp "$build/kernel/boot/vmlinuz-$release" "$OUT/vmlinuz"
    cp "$build/kernel/boot/config-$release" "$OUT/kernel.config"
    # shellcheck disable=SC2086  # nothing, or one option
    mkfs.erofs --quiet $COMPRESSION "$OUT/root.erofs" "$ROOT"
}

stage resolving
install -d "$build"
if [ "$MEMORY" = yes ]; then
    mount -t tmpfs -o mode=0755,size=4g tmpfs "$build"
fi
install -d "$ROOT" "$LISTS"
with_apt "$ARCH" apt-get --quiet update
if foreign; then with_apt "$NATIVE" apt-get --quiet update; fi

stage downloading
# What was fetched a season ago has most likely been superseded.
find "$CACHE" -name '*.deb' -ctime +90 -delete
fetch "$ARCH" "$LISTS/essential" '?essential' usr-is-merged
# shellcheck disable=SC2086  # lists of words, here and below
fetch "$ARCH" "$LISTS/all" '?essential' $PACKAGES
# shellcheck disable=SC2086
if foreign; then fetch "$NATIVE" "$LISTS/tools" '?essential' $TOOLS; fi
echo "total: $(wc -l <"$LISTS/all")" >&3
fetch_kernel

stage extracting
extract "$ROOT" "$LISTS/essential"
cp -R "$build/kernel/lib/modules" "$ROOT/usr/lib/"
if foreign; then extract "$TOOLBOX" "$LISTS/tools"; fi
unshare --mount sh "$WORK/configure.sh"

stage packing
pack
