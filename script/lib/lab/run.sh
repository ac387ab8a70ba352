# One run of the machine. Sourced by script/lab after image.sh and machine.sh; needs $image, $build, $arguments (pytest's)
# and $terminal (type, rows, columns).

# For tests/lab/test_packages.py: our Debian packages in RUN/packages/1, and in RUN/packages/2 the same as if of a later
# version (only their numbers differ: what an upgrade does is in their scripts). Only when that file is to be run. Where
# they cannot be built, that test says so, and is skipped.
lab_packages_of_ours() { # RUN ARGUMENT…
    local run=$1 argument file wanted= version
    for argument in "${@:2}"; do
        [[ ! -d $argument && ${argument##*/} != test_packages.py ]] || wanted=1
    done
    [[ -n $wanted && -n $packages && $command == run ]] || return 0
    echo "$me: our Debian packages, for tests/lab/test_packages.py"
    if ! timeout 1500 script/package --if-changed >"$run/package.log" 2>&1; then
        echo "$me: they could not be built, so that test_packages.py is skipped:" >&2
        tail -n 5 "$run/package.log" >&2
        return 0
    fi
    mkdir -p "$run/packages"/{1,2,tree}
    for file in build-deb/*.deb; do
        [[ $file != *-dbgsym_* ]] || continue
        cp "$file" "$run/packages/1/"
        rm -rf "$run/packages/tree"
        dpkg-deb -R "$file" "$run/packages/tree"
        version=$(dpkg-deb -f "$file" Version)
        sed -i "s/^Version: .*/Version: $version+2/; s/(= ${version//./\\.})/(= $version+2)/" "$run/packages/tree/DEBIAN/control"
        dpkg-deb -b --root-owner-group -Znone "$run/packages/tree" "$run/packages/2/" >/dev/null
    done
    rm -rf "$run/packages/tree"
}

# lab_go RUN MODE SECONDS: the machine from its saved memory, until it powers itself off. MODE is for `inside`. Fails when
# it had to be ended, or ended without a status: then RUN/console.log says more.
lab_go() {
    local run=$1 mode=$2 seconds=$3 status=0 signal=on helpers=()
    [[ $mode != shell ]] || signal=off # Ctrl-C is for who is inside
    mkdir -p "$run/out"
    {
        printf 'lab_mode=%q\nlab_top=%q\nlab_build=%q\n' "$mode" "$top" "$build"
        declare -p arguments terminal
    } >"$run/job"
    mkfifo "$run/never"
    (await 60 test -p "$run/gate.in" && date +%s >"$run/gate.in") >/dev/null &
    helpers+=($!)
    # A machine that hangs is asked where its CPUs are, then ended.
    (read -r -t "$seconds" <>"$run/never" || {
        touch "$run/hung"
        printf 'info lapic %s\n' {0..7}
        printf 'info registers -a\nquit\n'
    } >"$run/monitor.in") >/dev/null &
    helpers+=($!)
    lab_qemu $((seconds + 30)) "$run" -kernel "$image/grub" -incoming "file:$image/memory" \
        -drive "id=disk,file=$image/disk,format=raw,if=none,cache=unsafe,snapshot=on" \
        -chardev "stdio,id=hvc0,signal=$signal" || status=$?
    kill "${helpers[@]}" 2>/dev/null || true
    if [[ -e $run/hung ]]; then
        echo "$me: the machine was ended after $seconds s" >&2
    elif [[ $status -ne 0 ]]; then
        echo "$me: QEMU ended with status $status: $(tail -n 3 "$run/qemu.log")" >&2
    fi
    [[ -e $run/out/status ]]
}
