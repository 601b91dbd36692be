#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunit.sh [--arch um|x86_64|i386|arm64] [--variant NAME] [--kernel NAME] [--config FILE]...
#          [--log FILE] [FILTER]
#
# Runs the unit tests by the kernel's own kunit.py, in a kernel tree that the cache owns and that has
# lvbs grafted in as drivers/lvbs. Configuration: kunit/.kunitconfig, kunit/ARCH.config where there is
# one, kunit/ARCH_VARIANT.config, and each --config. The last line is "N passed, N failed".
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

arch=um
variant=
kernel=6.1
keep_log=
set_configs=
while test $# -gt 0; do
	case $1 in
	--arch) arch=$2 && shift ;;
	--variant) variant=$2 && shift ;;
	--kernel) kernel=$2 && shift ;;
	--config) set_configs="$set_configs $(realpath "$2")" && shift ;;
	--log) keep_log=$2 && shift ;;
	-*) die "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
filter=${1:-}
packages=kunit
cross=
case $arch in
um | x86_64 | i386) ;;
arm64) packages="kunit arm64" cross=aarch64-linux-gnu- ;;
*) die "unknown architecture $arch" ;;
esac

# shellcheck disable=SC2086 # a list of names
"$SCRIPTS/packages.sh" $packages
source=$("$SCRIPTS/kernel.sh" --source "$kernel")
store=$LVBS_CACHE/kunit/$kernel-$(basename "$source")
configs=$ROOT/kunit/.kunitconfig
test ! -f "$ROOT/kunit/$arch.config" || configs="$configs $ROOT/kunit/$arch.config"
test -z "$variant" || configs="$configs $ROOT/kunit/${arch}_$variant.config"
configs="$configs$set_configs"

# Hard links: the kernel's build writes nothing into its sources, and sed -i replaces a file.
graft() {
	cp -al "$source/." "$1" || cp -a "$source/." "$1"
	sed -i '/^endmenu/i source "drivers/lvbs/Kconfig"' "$1/drivers/Kconfig"
	sed -i '$a obj-$(CONFIG_LVBS) += lvbs/' "$1/drivers/Makefile"
	grep -q lvbs "$1/drivers/Kconfig" && grep -q lvbs "$1/drivers/Makefile"
}
make_once "$store/linux" graft

# shellcheck disable=SC2086 # a list of paths
key=$({ cat $configs && "${cross}gcc" --version; } | sha256sum | cut -c 1-12)
build_dir=$store/$arch${variant:+_$variant}-$key
log=$(mktemp)
output=$(mktemp)
trap 'rm -f "$log" "$output"' EXIT

# Beside what the kernel's own tools/testing/kunit/qemu_configs say.
machine() {
	case $arch${variant:+_$variant} in
	# While the kernel finds out about its first CPU it forgets for a moment that page tables have five
	# levels, and an interrupt right then has KASAN take good addresses for bad ones.
	x86_64_kasan) echo "$(qemu_accel ""),la57=off -smp 2" ;;
	x86_64*) echo "$(qemu_accel "") -smp 2" ;;
	# So much that some of it lies above 4 GiB, which only PAE reaches; and Linux warns of several CPUs
	# of the first that AMD made.
	i386*) echo "$(qemu_accel ""),vendor=GenuineIntel -smp 2 -m 5G" ;;
	arm64*) echo "-accel tcg,thread=single -smp 2" ;;
	esac
}

run_kunit() {
	# shellcheck disable=SC2046 # a list of names without blanks
	sync_tree "$ROOT" "$store/linux/drivers/lvbs" $(module_sources)
	# An interrupted build goes on from here: Kbuild takes no object whose command it has not on record.
	mkdir -p "$build_dir"
	rm -f "$build_dir/test.log"

	# Lockdep in an emulator on a busy machine takes its time.
	set -- --arch="$arch" --build_dir="$build_dir" --jobs="$(nproc)" --timeout=1200
	for config in $configs; do
		set -- "$@" --kunitconfig="$config"
	done
	test -z "$cross" || set -- "$@" --cross_compile="$cross"
	test "$arch" = um || set -- "$@" --qemu_args="$(machine)"
	# A busy host fails the guest's test of its timer.
	case $arch in
	x86_64 | i386) set -- "$@" --kernel_args=no_timer_check ;;
	esac
	status=0
	(cd "$store/linux" &&
		/usr/bin/python3 tools/testing/kunit/kunit.py run "$@" "${filter:-*}" </dev/null 2>&1) ||
		status=$?
	cp "$build_dir/test.log" "$log" 2>/dev/null || :
	test -z "$keep_log" || cp "$log" "$keep_log"
	return "$status"
}

# The whole run holds the tree: another checkout would put its own sources there.
say "--> KUnit on $arch${variant:+ ($variant)}, Linux $kernel ($build_dir)"
status=0
{ with_lock "$store/lock" run_kunit || echo "kunit.py's status: $?"; } | grep --line-buffered -v '^stty: ' | tee "$output"
grep -q "^kunit.py's status: " "$output" && status=1

count() {
	sed -n 's/.*Testing complete\. //p' "$output" | tail -n 1 | grep -o "$1: [0-9]*" | sed 's/.*: //' | grep . ||
		echo 0
}

passed=$(count passed)
failed=$(($(count failed) + $(count crashed) + $(count errors)))
skipped=$(count skipped)
test "$skipped" = 0 || echo "$skipped skipped"
if ! "$SCRIPTS/splat.sh" "$log"; then
	echo "not ok: the kernel's log has a bug report"
	failed=$((failed + 1))
fi
if test $((passed + failed)) = 0; then
	echo "not ok: no case ran"
	failed=1
fi
if test $status != 0 && test $failed = 0; then
	echo "not ok: kunit.py failed"
	failed=1
fi
echo "$passed passed, $failed failed"
test $failed = 0
