# The lab's machine as a disk image, and the QEMU that runs it: made from Debian's packages in a private place, once, and
# used by every run after that. Sourced by script/lab after common.sh.
#
# `lab_image` sets $image to a directory that holds
#   disk       an ext4 file system, Debian 12 with libvirt and QEMU of its backports; runs write to a snapshot of it
#   grub       GRUB, as something that `qemu -kernel` can start: it reads /boot/grub/grub.cfg on the disk as on hardware
#   memory     the booted machine's memory and devices, waiting for a run
#   qemu/      the files of that same QEMU, for the outer host
#   versions   the packages in the disk;  libraries: the names of the shared libraries in it
# Its name is a hash of what it was made from. Nothing of the host's own packages, sources or apt lists is touched.

lab_files=$top/script/lib/lab
lab_cache=${XDG_CACHE_HOME:-$HOME/.cache}/socle/lab
lab_disk_bytes=$((8 << 30)) # sparse

# The mirror that the host itself uses (a site may have its own), else Debian's.
lab_mirror() {
    local uri
    uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 2>/dev/null |
        awk '$2 == "bookworm" && $3 == "main" { print $1; exit }')
    printf '%s\n' "${uri:-http://deb.debian.org/debian/}"
}

lab_packages() {
    { script/deps --list run; sed 's/#.*//' "$lab_files/packages"; } | xargs -n1 | sort -u
}

lab_image_key() {
    { lab_packages; cat "$lab_files"/{image.sh,machine.sh,pins,customize}; (cd "$lab_files/root" && find . -type f | sort | xargs cat); } |
        sha256sum | cut -c1-16
}

# Debian into $1/root, with our files, by mmdebstrap: it keeps apt's lists and state in there, not in the host's.
lab_image_root() {
    local root=$1/root mirror
    mirror=$(lab_mirror)
    mmdebstrap --mode=root --variant=minbase --include="$(lab_packages | paste -sd,)" \
        --aptopt='APT::Install-Recommends "false"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/gpu/*' \
        --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/media/*' \
        --dpkgopt='path-exclude=/lib/modules/*/kernel/drivers/net/wireless/*' \
        --dpkgopt='path-exclude=/lib/modules/*/kernel/sound/*' \
        --setup-hook='mkdir -p "$1/etc/apt/preferences.d"' --setup-hook="cp '$lab_files/pins' \"\$1/etc/apt/preferences.d/lab\"" \
        --essential-hook="cp -r --preserve=mode '$lab_files/root/.' \"\$1/\"" \
        --customize-hook="chroot \"\$1\" /bin/bash -s <'$lab_files/customize'" \
        bookworm "$root" "deb $mirror bookworm main" "deb $mirror bookworm-updates main" \
        "deb $mirror bookworm-backports main" &&
        chroot "$root" dpkg-query -W >"$1/versions" &&
        lab_at_least "$1" qemu-system-x86 1:10 && lab_at_least "$1" libvirt0 11.3 &&
        find "$root/usr/lib" -name '*.so*' -printf '%f\n' >"$1/libraries"
}

lab_at_least() { # DIRECTORY PACKAGE VERSION
    local found
    found=$(awk -v name="$2" '{ sub(/:amd64$/, "", $1) } $1 == name { print $2 }' "$1/versions")
    dpkg --compare-versions "${found:-0}" ge "$3" || { echo "$2 is ${found:-missing}, wanted: at least $3"; return 1; }
}

# Fails, with words, when a program under the directory $1 needs a shared library that is not in the image.
lab_image_has_libraries() {
    local missing
    missing=$(find "$1" -type f -perm -u+x -exec ldd {} + 2>/dev/null | awk '$2 == "=>" { print $1 }' | sort -u |
        grep -vxFf "$image/libraries" | paste -sd' ' || true)
    [[ -z $missing ]] || die "the machine has not the shared libraries $missing; add their packages to $lab_files/packages"
}

# GRUB as a kernel of the Linux boot protocol. Its first configuration only looks for the disk's.
lab_image_grub() {
    local root=$1/root
    printf 'set root=(hd0)\nset prefix=(hd0)/boot/grub\nconfigfile (hd0)/boot/grub/grub.cfg\n' >"$root/tmp/early.cfg"
    chroot "$root" grub-mkimage -O i386-pc -o /tmp/core.img -p '(hd0)/boot/grub' -c /tmp/early.cfg \
        biosdisk ext2 normal configfile linux search search_fs_uuid test echo serial terminal loadenv gzio sleep reboot &&
        cat "$root/usr/lib/grub/i386-pc/lnxboot.img" "$root/tmp/core.img" >"$1/grub" &&
        mkdir -p "$root/boot/grub/i386-pc" && cp "$root"/usr/lib/grub/i386-pc/*.{mod,lst} "$root/boot/grub/i386-pc/" &&
        rm "$root/tmp/core.img" "$root/tmp/early.cfg"
}

# The QEMU of the disk, for the outer host: its files and libraries, nothing else.
lab_image_qemu() {
    local root=$1/root path
    for path in usr/bin/qemu-system-x86_64 usr/lib/x86_64-linux-gnu usr/share/qemu usr/share/seabios usr/lib/ipxe; do
        mkdir -p "$1/qemu/${path%/*}" && cp -a "$root/$path" "$1/qemu/${path%/*}/" || return 1
    done
    # The libraries of /lib are in /usr/lib: Debian 12 has one directory for both, or (of an old system) two.
    [[ -L $root/lib ]] || cp -a "$root/lib/x86_64-linux-gnu/." "$1/qemu/usr/lib/x86_64-linux-gnu/"
}

lab_image_disk() {
    truncate -s "$lab_disk_bytes" "$1/disk" && mke2fs -q -t ext4 -L lab -d "$1/root" -E lazy_itable_init=1,root_owner=0:0 "$1/disk"
}

# Boots the image twice. First its kernel directly, to have GRUB's configuration made inside; then as a run does it, by
# GRUB, until it waits for us: that state of its memory is where runs begin.
lab_image_boot() {
    local run=$1/run kernel initrd
    local build=$top image=$1 disk="id=disk,file=$1/disk,format=raw,if=none,cache=unsafe"
    kernel=$(echo "$1"/root/boot/vmlinuz-*) initrd=$(echo "$1"/root/boot/initrd.img-*)
    mkdir "$run"
    lab_qemu 1800 "$run" -no-reboot -drive "$disk" -chardev null,id=hvc0 -kernel "$kernel" -initrd "$initrd" \
        -append "root=/dev/vda console=ttyS0 tsc=reliable no_timer_check mitigations=off systemd.unit=socle-lab-first.service" ||
        { cat "$run/console.log"; return 1; }
    rm -r "$run"
    mkdir "$run"
    (await 60 test -p "$run/gate.out" && read -r -t 1800 _ <"$run/gate.out" &&
        printf 'migrate "file:%s"\nquit\n' "$image/memory" >"$run/monitor.in") &
    lab_qemu 1800 "$run" -drive "$disk" -chardev null,id=hvc0 -kernel "$image/grub" &&
        [[ -s $image/memory ]] || { cat "$run/console.log" "$run/qemu.log"; return 1; }
    rm -r "$run"
}

# Makes it as the directory $1, with a log $2. 75: Debian's packages cannot be got.
lab_image_make() {
    local work status=0
    work=$(mktemp -d "$lab_cache/making.XXXX")
    lab_image_root "$work" &>"$2" || status=75
    if [[ $status -eq 0 ]]; then
        { lab_image_grub "$work" && lab_image_qemu "$work" && lab_image_disk "$work" && lab_image_boot "$work"; } \
            &>>"$2" || status=1
    fi
    if [[ $status -ne 0 ]]; then
        tail -n 40 "$2" >&2
        rm -rf "$work"
        return $status
    fi
    rm -rf "$work/root"
    mv "$work" "$1"
}

# Sets $image; status as of lab_image_make.
lab_image() {
    local key lock
    key=$(lab_image_key)
    image=$lab_cache/image-$key
    mkdir -p "$lab_cache"
    if [[ ! -d $image ]]; then
        # One makes it, who comes meanwhile waits.
        exec {lock}>"$lab_cache/$key.lock"
        flock "$lock"
        if [[ ! -d $image ]]; then
            echo "$me: making the machine's image from Debian's packages (once; a few minutes)"
            lab_image_make "$image" "$lab_cache/$key.log" || return
        fi
        exec {lock}>&-
        find "$lab_cache" -maxdepth 1 -mindepth 1 -mtime +7 -exec rm -rf {} + # what no run has used for long
    fi
    touch "$image"
}
