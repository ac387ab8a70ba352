# Runs of the machine. Sourced by script/lab after image.sh and machine.sh; needs $image, $build, $files (of tests),
# $arguments (pytest's), $terminal (type, rows, columns); to run files $results, $machines and $seconds as well.

# For tests/lab/test_packages.py: our Debian packages in RUN/packages/1, and in RUN/packages/2 the same as if of a later
# version (only their numbers differ: what an upgrade does is in their scripts). Only when that file is to be run. Where
# they cannot be built, that test says so, and is skipped.
lab_packages_of_ours() { # RUN
    local run=$1 file version
    [[ -n $packages && $command == run && " ${files[*]##*/} " == *" test_packages.py "* ]] || return 0
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

# Those that take long first, so that the last machines end together: files whose tests reboot, then the larger ones.
lab_longest_first() { # FILE…
    local file
    for file in "$@"; do
        printf '%s\t%s\t%s\n' "$(grep -c '^@pytest.mark.boots' "$file" || true)" "$(stat -c %s "$file")" "$file"
    done | sort -rn -k1,1 -k2,2 | cut -f3
}

# One test file in a machine of its own. What came of it goes to RESULTS/NAME, pytest's status to its `status` (99: none).
lab_run_file() { # RUN FILE
    local own=$1/${2##*/} to=$results/$(basename "$2" .py) status=0
    mkdir -p "$own" "$to"
    cp -al "$1/install" "$own/"
    [[ ! -e $1/packages ]] || cp -al "$1/packages" "$own/"
    arguments=("$2" "${arguments[@]}")
    lab_go "$own" run "$seconds" </dev/null >"$to/output" 2>&1 || status=1
    cp -r "$own/out/." "$own"/{console,qemu,monitor}.log "$to/"
    if [[ $status -ne 0 || ! -s $to/status ]]; then
        echo "$me: the machine did not finish; its console (all of it in $to/console.log) ends:" >>"$to/output"
        tail -n 30 "$to/console.log" >>"$to/output"
        echo 99 >"$to/status"
    fi
    rm -rf "$own"
}

# Every file, $machines at once. Each one's output is shown whole, when it has ended. RESULTS/status: 0 all passed, 1 some
# failed, 5 no test was chosen, else what went wrong.
lab_run_files() { # RUN
    local file status worst=5 queue=() began=$SECONDS
    mapfile -t queue < <(lab_longest_first "${files[@]}")
    set -m # each in a process group of its own: it is ended whole
    trap 'kill -TERM -- $(jobs -p | sed s/^/-/) 2>/dev/null || true; wait; rm -rf "$run"' EXIT
    for file in "${queue[@]}"; do
        while [[ $(jobs -rp | wc -l) -ge $machines ]]; do
            wait -n || true
        done
        (
            lab_run_file "$1" "$file"
            flock 9
            printf '\n-- %s, %s s after the start\n' "${file##*/}" $((SECONDS - began))
            cat "$results/$(basename "$file" .py)/output"
        ) 9>"$1/turn" &
    done
    wait
    for status in "$results"/*/status; do
        status=$(<"$status")
        case $status in
        0) [[ $worst -ne 5 ]] || worst=0 ;;
        5) ;;
        1) [[ $worst -gt 5 ]] || worst=1 ;;
        *) worst=$status ;;
        esac
    done
    echo "$worst" >"$results/status"
}
