#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0
# First process of a VM: a root file system, read-only over 9p, under an overlay in memory; then the command.
# From the kernel's command line: vm.work (a directory shared with the host: run.sh in, status out), vm.kernel (modules),
# vm.cwd (where the command stands), vm.line (the serial line of the command). Where the host is of another architecture: vm.root (a root of
# this one, on the host), vm.dist (what the tree has built for it).
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

fail() {
	echo "vm-init: cannot $1" >&2
	poweroff -f
}

for module in /modules/*.ko; do
	insmod "$module"
done
for word in $(cat /proc/cmdline); do
	case $word in
	vm.work=*) work=${word#vm.work=} ;;
	vm.kernel=*) kernel=${word#vm.kernel=} ;;
	vm.cwd=*) cwd=${word#vm.cwd=} ;;
	vm.line=*) line=${word#vm.line=} ;;
	vm.root=*) root=${word#vm.root=} ;;
	vm.dist=*) dist=${word#vm.dist=} ;;
	esac
done

# The host's root does not change for this guest's short life: cache=loose spares it most of the round trips.
mkdir -p /host /memory /guest
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=1048576,cache=loose root /host || fail "mount the host's root"
mount -t tmpfs tmpfs /memory || fail "mount a tmpfs"
mkdir -p /memory/upper /memory/work
mount -t overlay -o "lowerdir=/host$root,upperdir=/memory/upper,workdir=/memory/work" overlay /guest || fail "mount the overlay"

cd /guest
mkdir -p proc sys dev run tmp
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s /proc/self/fd dev/fd # clang writes there for bpftrace
# /run tells of the host's processes and namespaces; /tmp is fresh unless the command lives there.
mount -t tmpfs tmpfs run
case $cwd/ in
/tmp/*) ;;
*) mount -t tmpfs tmpfs tmp ;;
esac
# Of the host's own files such a guest sees the tree alone.
if [ -n "$root" ]; then
	mkdir -p "/guest$cwd" /memory/tree-upper /memory/tree-work
	mount -t overlay -o "lowerdir=/host$cwd,upperdir=/memory/tree-upper,workdir=/memory/tree-work" overlay "/guest$cwd" || fail "mount the tree"
	mount --bind "/host$cwd/$dist" "/guest$cwd/dist" || fail "find what was built for this architecture"
fi
mount -t bpf bpf sys/fs/bpf
mount -t tracefs tracefs sys/kernel/tracing
mount -t debugfs debugfs sys/kernel/debug
mount -t cgroup2 cgroup sys/fs/cgroup

# Other CPUs come only now (maxcpus=1). The kernel rewrites its code when the first or second listener of a tracepoint comes or goes, QEMU
# before 8.1 does not always see it on the other CPUs, and there the kernel dies of an int3 that is there no more. Soft interrupts run
# everywhere all the time: two idle listeners at their tracepoints stay, and came while there was one CPU. So does a thread that perf
# counts: the first one has the scheduler rewritten, and the end of the last one again (perf_sched_events).
if [ -e sys/devices/system/cpu/cpu1 ]; then
	for name in one two; do
		instance=sys/kernel/tracing/instances/$name
		mkdir "$instance" && echo 0 >"$instance/tracing_on" || fail "make a trace instance"
		for event in softirq_entry softirq_exit; do
			echo 1 >"$instance/events/irq/$event/enable" || fail "listen to soft interrupts"
		done
	done
	hold="/guest$cwd/dist/lab/hold-perf"
	if [ -x "$hold" ]; then
		chroot /guest "$cwd/dist/lab/hold-perf" >/held &
		for _ in $(seq 1500); do
			[ -s /held ] && break
			usleep 20000
		done
	fi
	for online in sys/devices/system/cpu/cpu[1-9]*/online; do
		echo 1 >"$online" || fail "take another CPU"
	done
fi

release=$(uname -r)
mkdir -p "lib/modules/$release" mnt
mount --bind "/host$kernel/lib/modules/$release" "lib/modules/$release" || fail "find the modules of $release"
mkdir -p "/guest$work"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=1048576 work "/guest$work" || fail "mount the shared directory"
hostname vm
ip link set lo up

# The command has a serial line of its own: what it prints does not mix with what the kernel has to say. No chroot: the
# kernel looks for modprobe in the root, and shows paths of other mount namespaces from there.
stty -F "/dev/$line" raw -echo
cat >run/vm-command <<END
/bin/sh "$work/run.sh" </dev/null >/dev/$line 2>&1
echo \$? >"$work/status"
sync
/bin/busybox poweroff -f
END
exec switch_root /guest /bin/sh /run/vm-command
