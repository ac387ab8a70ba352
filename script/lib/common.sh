# What the scripts share: words, the build, huge pages, waiting. Sourced by bash scripts with `set -euo pipefail`.
# Every function that changes the machine has one that changes it back.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
me=script/$(basename "$0")

say() {
    printf '   %s\n' "$*"
}

die() {
    printf '%s: %s\n' "$me" "$*" >&2
    exit 1
}

need_root() {
    [[ $EUID -eq 0 ]] || die "root is needed (network namespaces, taps, huge pages). Please run: sudo $me"
}

# await SECONDS COMMAND…: until the command succeeds; fails when it has not by then.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [[ $SECONDS -lt $end ]] || return 1
        sleep 0.1
    done
}

# build_into DIRECTORY MESON-OPTION…: configures once, compiles what changed; its output is shown only when it fails.
build_into() {
    local directory=$1 log
    shift
    log=$(mktemp)
    if ! {
        if [[ -e $directory/build.ninja ]]; then
            meson configure "$directory" "$@"
        else
            meson setup "$directory" "$top" "$@"
        fi && ninja -C "$directory"
    } >"$log" 2>&1; then
        grep -v '^\[[0-9]*/[0-9]*\] \(Compiling\|Linking\)' "$log" | tail -n 60 >&2
        rm -f "$log"
        die "the build in $directory failed; what the compiler said is above"
    fi
    rm -f "$log"
}

# program DIRECTORY NAME: where the build put it.
program() {
    local found
    found=$(find "$1" -type f -name "$2" -perm -u+x -print -quit)
    [[ -n $found ]] || die "the build in $1 has no program $2"
    printf '%s\n' "$found"
}

huge=/sys/kernel/mm/hugepages/hugepages-2048kB
huge_before= # nr_hugepages before we raised it
huge_mounted=

# huge_pages_take COUNT: true when that many 2 MiB pages are free and mounted, if need be after making them.
huge_pages_take() {
    local free missing
    [[ -w $huge/nr_hugepages ]] || return 1
    free=$(<$huge/free_hugepages)
    missing=$(($1 - free))
    if [[ $missing -gt 0 ]]; then
        huge_before=$(<$huge/nr_hugepages)
        echo $((huge_before + missing)) >$huge/nr_hugepages
        if [[ $(<$huge/free_hugepages) -lt $1 ]]; then
            huge_pages_give_back
            return 1
        fi
    fi
    if ! grep -q ' hugetlbfs ' /proc/mounts; then
        mkdir -p /dev/hugepages
        mount -t hugetlbfs hugetlbfs /dev/hugepages || return 1
        huge_mounted=1
    fi
}

huge_pages_give_back() {
    if [[ -n $huge_before ]]; then
        echo "$huge_before" >$huge/nr_hugepages
        huge_before=
    fi
    if [[ -n $huge_mounted ]]; then
        umount /dev/hugepages 2>/dev/null || true
        huge_mounted=
    fi
}
