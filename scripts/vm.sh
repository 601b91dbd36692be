#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vm.sh [--kernel NAME] [--smp N] [--mem MIB] [--dimm MIB] [--disk FILE] [--icount] [--cpu MODEL] [--uefi]
#       [--append ARGS] [--add FILE]... [--module NAME]... [--no-load] SCRIPT [ARG...]
# vm.sh [OPTION...] --interactive
#
# Boots a kernel of scripts/kernels in a VM, loads lvbs there, and runs the host file SCRIPT in the guest with
# busybox sh. Its output is the script's output, its exit status the script's, unless the guest itself is
# at fault; stderr says how:
#
#   124  the module did not load (or the guest could not be set up)
#   125  the kernel reported a bug (scripts/vm/splat.sh), or is tainted by one
#   126  the VM was lost: it ended without a verdict, or not in order
#   127  it took longer than LVBS_VM_TIMEOUT seconds (default 300)
#
# --add puts FILE, or a directory, into the guest's /. A program there, or in the bin/ of such a directory, is found by
# its name, before an applet of busybox; not so by applets that run programs, such as xargs. --module adds a test module
# (scripts/guest/modules) for the kernel. --cpu names the model that QEMU shows instead of its best one. --dimm adds
# memory that can be ejected (/sys/bus/acpi/devices/PNP0C80:00/eject). --uefi boots through UEFI, with a network card whose
# ROM the kernel keeps in memory that does not begin at a page.
# --disk makes FILE (a path without blanks) the disk /dev/nvme0n1 of a stock kernel.
#
# LVBS_VM_LOG=FILE keeps the kernel's log. LVBS_VM_MEMFILE=FILE (a path without blanks) keeps the guest's memory as it was
# at the end: byte X of the file has physical address X, below 3 GiB. The guest has /lib.sh (scripts/guest/lib.sh) and,
# loaded or not, /lvbs.ko. LVBS_QEMU names another QEMU.
#
# The verdict arrives on a port of its own, so that no output can be mistaken for it. It counts only with a
# clean log and an orderly end: a crash cannot look like success.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=
smp=2
mem=512
dimm=
disk=
append=
cpu=
icount=
uefi=
mode=load
modules=
interactive=
timeout=${LVBS_VM_TIMEOUT:-300}

make_tmp
vm_pid=
out_pid=
cleanup() {
	test -z "$vm_pid" || kill "$vm_pid" 2>/dev/null || :
	test -z "$out_pid" || kill "$out_pid" 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT
guest=$tmp/guest
mkdir -p "$guest/bin" "$guest/.vm"

while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	--smp) smp=$2 && shift ;;
	--mem) mem=$2 && shift ;;
	--dimm) dimm=$2 && shift ;;
	--disk) disk=$2 && shift ;;
	--icount) icount=--icount ;;
	--uefi) uefi=y ;;
	--cpu) cpu=$2 && shift ;;
	--append) append="$append $2" && shift ;;
	--add) cp -R "$2" "$guest/" && shift ;;
	--module) modules="$modules $2" && shift ;;
	--no-load) mode=no-load ;;
	--interactive) interactive=y ;;
	--) shift && break ;;
	-*) bad_usage "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
test -n "$interactive" || test $# -gt 0 || bad_usage "name a script"
test -z "$interactive" || { test -t 0 && test -t 1; } ||
	die "a shell needs a terminal; to run a script in the VM: scripts/vm.sh SCRIPT"
test -n "$interactive" || test -r "$1" || die "cannot read the script $1"
kernel=${kernel:-$(default_kernel)}

cross=$(cross_of "$kernel")
"$SCRIPTS/packages.sh" vm ${uefi:+uefi} ${cross:+arm64}
ko=$("$SCRIPTS/build.sh" --kernel "$kernel")
kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
busybox=$("$SCRIPTS/vm/busybox.sh" "$kernel")
for module in $modules; do
	cp "$("$SCRIPTS/build.sh" --kernel "$kernel" --module "$module")" "$guest/"
done

# Quotes any string for the guest's shell.
quote() {
	printf "'"
	printf '%s' "$1" | sed "s/'/'\\\\''/g"
	printf "' "
}

make_initramfs() {
	cp "$busybox" "$guest/bin/busybox"
	cp "$SCRIPTS/guest/init" "$guest/init"
	cp "$SCRIPTS/test/ktap.sh" "$SCRIPTS/guest/lib.sh" "$SCRIPTS/guest/kernel.sh" "$SCRIPTS/guest/heki.sh" "$guest/"
	# The guest does not read debugging information, which is most of the file.
	"${cross}strip" --strip-debug -o "$guest/lvbs.ko" "$ko"
	if test -n "$interactive"; then
		# As "stty size" prints it: rows and columns.
		echo "stty sane $(stty size | sed 's/\(.*\) /rows \1 cols /') && export TERM=${TERM:-vt100}" \
			>"$guest/.vm/interactive"
	else
		cp "$1" "$guest/.vm/$(basename "$1")"
		{
			printf 'set -- '
			quote "/.vm/$(basename "$1")"
			shift
			for arg in "$@"; do
				quote "$arg"
			done
		} >"$guest/.vm/args"
	fi
	echo "$mode" >"$guest/.vm/mode"
	chmod -R u+rX "$guest"
	chmod +x "$guest/init" "$guest/bin/busybox"
	(cd "$guest" && find . | cpio --quiet -o -H newc -R 0:0) >"$tmp/initramfs"
}

memory() {
	test -z "${LVBS_VM_MEMFILE:-}" ||
		echo "-object memory-backend-file,id=ram,size=${mem}M,share=on,mem-path=$LVBS_VM_MEMFILE" \
			"-machine memory-backend=ram"
	test -z "$dimm" || echo "-m slots=1,maxmem=$((mem + dimm))M" \
		"-object memory-backend-ram,id=dimm,size=${dimm}M -device pc-dimm,memdev=dimm"
}

firmware() {
	test -z "$uefi" || echo "-bios /usr/share/ovmf/OVMF.fd -netdev user,id=net,restrict=on" \
		"-device virtio-net-pci,netdev=net"
}

# The machine, with serial ports for the kernel's log, the verdict and the script's output. Machines for arm64 have
# one port, and others on PCI cards.
machine() {
	if test -n "$cross"; then
		echo "-machine virt -accel tcg,thread=single -cpu ${cpu:-cortex-a72} -serial chardev:log" \
			"-device pci-serial,chardev=verdict -device pci-serial,chardev=out"
	else
		echo "$(qemu_accel $icount) ${cpu:+-cpu $cpu} -serial chardev:log -serial chardev:verdict -serial chardev:out"
	fi
}

storage() {
	test -z "$disk" || echo "-drive file=$disk,format=raw,if=none,id=disk,cache=unsafe" \
		"-device nvme,drive=disk,serial=lvbs"
}

start_qemu() {
	# No panic_on_warn or oops=panic: all of a report must reach the log before the VM ends. A panic ends it at
	# once (-no-reboot). The self-tests of the kernel's ciphers would take a fifth of the boot.
	# shellcheck disable=SC2046,SC2086 # words
	exec "$@" "$QEMU" -m "$mem" $(memory) $(storage) $(firmware) -smp "$smp" \
		-nodefaults -no-user-config -display none -no-reboot -nic none \
		-kernel "$kernel_dir/vmlinuz" -initrd "$tmp/initramfs" \
		-append "console=$console ignore_loglevel panic=-1 no_timer_check cryptomgr.notests$append" \
		-chardev "file,id=log,path=$tmp/log" -chardev "file,id=verdict,path=$tmp/verdict" -chardev "$out" \
		$(machine)
}

excerpt() {
	tail -n "$1" "$tmp/log" | tr -d '\r' | sed 's/^/    | /' >&2
}

fail() {
	status=$1
	shift
	say "vm.sh: $* (Linux $(cat "$kernel_dir/release"))"
	exit "$status"
}

judge() {
	splats=$("$SCRIPTS/vm/splat.sh" "$tmp/log") || {
		printf '%s\n' "$splats" | sed 's/^/    | /' >&2
		fail 125 "the kernel reported a bug"
	}
	if test "$qemu_status" = 124 || test "$qemu_status" = 137; then
		excerpt 15
		fail 127 "not done after $timeout s"
	fi
	# The last line is the verdict: "loaded-no WHY", or "exit STATUS taint FLAGS".
	verdict=$(tr -d '\r' <"$tmp/verdict" 2>/dev/null | tail -n 1)
	case $verdict in
	"exit "*" taint "*) ;;
	"setup "*)
		excerpt 5
		fail 124 "${verdict#setup }"
		;;
	*)
		excerpt 25
		fail 126 "the VM was lost: it ended without a verdict (qemu's status $qemu_status)"
		;;
	esac
	if test "$qemu_status" != 0 || ! grep -q 'reboot: Restarting system' "$tmp/log"; then
		excerpt 25
		fail 126 "the VM was lost: it did not end in order (qemu's status $qemu_status)"
	fi
	# shellcheck disable=SC2086 # words
	set -- $verdict
	# Documentation/admin-guide/tainted-kernels.rst: machine check, bad page, died, warned, lockup.
	if test $(($4 & (16 | 32 | 128 | 512 | 16384))) != 0; then
		excerpt 25
		fail 125 "the kernel is tainted ($4) by a bug that is not in its log"
	fi
	return "$2"
}

console=ttyS0
if test -n "$cross"; then
	QEMU=${LVBS_QEMU:-qemu-system-aarch64}
	console=ttyAMA0
fi
make_initramfs "$@"
: >"$tmp/log"
if test -n "$interactive"; then
	say "Linux $(cat "$kernel_dir/release") in a VM; the module's files are in \$D. Ctrl-D ends it."
	out=stdio,id=out,signal=off
	qemu_status=0
	(start_qemu env) || qemu_status=$?
else
	# Through a pipe: stdout itself may be a file that others append to, or a socket. This shell holds it open,
	# so that neither side waits for the other.
	mkfifo "$tmp/out"
	exec 8<>"$tmp/out"
	out=file,id=out,path=$tmp/out
	cat <"$tmp/out" 8>&- &
	out_pid=$!
	(start_qemu timeout -k 5 "$timeout") </dev/null >"$tmp/qemu" 2>&1 8>&- &
	vm_pid=$!
	qemu_status=0
	wait "$vm_pid" || qemu_status=$?
	vm_pid=
	exec 8>&-
	wait "$out_pid" || :
	out_pid=
	cat "$tmp/qemu" >&2
fi
test -z "${LVBS_VM_LOG:-}" || cp "$tmp/log" "$LVBS_VM_LOG"
judge
