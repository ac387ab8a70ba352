# The machine: what QEMU is told. Sourced by script/lab; needs $image (image.sh), $build. The image depends on it.
#
# Two sockets with a NUMA node each, of $lab_cores cores with $lab_threads threads; an IOMMU; two igb NICs (7 VFs each),
# one behind each node's PCI bridge, back to back on one hub; nothing else leads out of the machine. The disk is a snapshot
# that goes when QEMU ends but stays when the machine is rebooted. Console: a file. hvc0: our stdin and stdout. lab.gate:
# where the machine waits at its first boot (root/usr/local/sbin/socle-lab).
#
# One thread emulates all CPUs: with a thread each, QEMU 10.0 loses interrupts while memory regions come and go, as VFs
# make them, and the machine hangs. It needs no more time in all.

lab_cores=2 # of a socket
lab_threads=2
lab_memory_mib=2048 # of a node; taken from the host as it is used

lab_node() { # NODE: memory, CPUs, and a PCI bridge with a NIC
    local cpus=$((lab_cores * lab_threads)) node=$1
    machine+=(
        -object "memory-backend-ram,id=memory$node,size=${lab_memory_mib}M"
        -numa "node,nodeid=$node,cpus=$((node * cpus))-$((node * cpus + cpus - 1)),memdev=memory$node"
        -device "pxb-pcie,id=bridge$node,bus_nr=$((64 + 64 * node)),numa_node=$node,bus=pcie.0"
        -device "pcie-root-port,id=port$node,bus=bridge$node,chassis=$((node + 1))"
        -netdev "hubport,hubid=0,id=nic$node"
        -device "igb,netdev=nic$node,bus=port$node,mac=52:54:00:00:00:0$((node + 1)),romfile="
    )
}

lab_share() { # TAG DIRECTORY [OPTION]
    machine+=(-fsdev "local,id=$1,path=${2//,/,,},security_model=none,multidevs=remap${3-}"
        -device "virtio-9p-pci,fsdev=$1,mount_tag=$1,bus=pcie.0")
}

# lab_qemu SECONDS RUN ARGUMENT…: starts the image's QEMU, with its own libraries, whatever the host has. RUN is a
# directory of this run: it is shared with the machine, keeps its console, and the disk's snapshot.
lab_qemu() {
    local seconds=$1 run=$2
    local files=$image/qemu/usr libraries=$image/qemu/usr/lib/x86_64-linux-gnu
    local machine=(
        -M q35,i8042=off,smbus=off,sata=off,usb=off,graphics=off -accel tcg,thread=single
        -cpu Haswell-noTSX,-pcid,-invpcid,-tsc-deadline -m $((2 * lab_memory_mib))M
        -smp "$((2 * lab_cores * lab_threads)),sockets=2,cores=$lab_cores,threads=$lab_threads"
        -nodefaults -no-user-config -display none -serial "file:$run/console.log"
        -device intel-iommu,intremap=off,caching-mode=on
        -device virtio-rng-pci,bus=pcie.0
        -device virtio-blk-pci,drive=disk,bus=pcie.0
        -device virtio-serial-pci,bus=pcie.0
        -device virtconsole,chardev=hvc0
        -device virtserialport,chardev=gate,name=lab.gate -chardev "pipe,id=gate,path=$run/gate"
        -chardev "pipe,id=monitor,path=$run/monitor,logfile=$run/monitor.log" -mon chardev=monitor
    )
    lab_node 0
    lab_node 1
    machine+=(-numa dist,src=0,dst=1,val=21)
    lab_share run "$run"
    lab_share top "$top" ,readonly=on
    lab_share build "$build" ,readonly=on
    mkfifo "$run"/{gate,monitor}.{in,out}
    TMPDIR=$run QEMU_MODULE_DIR=$libraries/qemu timeout --foreground -k 10 "$seconds" \
        "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$files/bin/qemu-system-x86_64" \
        -L "$files/share/qemu" -L "$files/share/seabios" "${machine[@]}" "${@:3}" 2>"$run/qemu.log"
}
