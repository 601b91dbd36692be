#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunit.sh [--arch um|x86_64|i386|arm64] [--variant NAME] [--kernel NAME] [--config FILE]...
#          [--tree NAME] [--append ARG]... [--log FILE] [FILTER]
#
# Runs the unit tests with the kernel's own kunit.py, in a kernel tree in the cache that has lvbs as
# drivers/lvbs. Configuration: kunit/.kunitconfig, kunit/ARCH.config and kunit/ARCH_VARIANT.config if there
# are any, and each --config. --tree takes a kernel tree that runs without it do not use. Each ARG is added to the kernel command line: lvbs.kunit_seed=SEED repeats a run,
# lvbs.kunit_times=N makes the longest random tests N times as long. The last line is "N passed, N failed".
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

arch=um
variant=
kernel=$(default_kernel)
tree=
keep_log=
set_configs=
kernel_args=
while test $# -gt 0; do
	case $1 in
	--arch) arch=$2 && shift ;;
	--variant) variant=$2 && shift ;;
	--kernel) kernel=$2 && shift ;;
	--config) set_configs="$set_configs $(realpath "$2")" && shift ;;
	--tree) tree=-$2 && shift ;;
	--append) kernel_args="$kernel_args --kernel_args=$2" && shift ;;
	--log) keep_log=$2 && shift ;;
	-*) bad_usage "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
filter=${1:-}
cross=
case $arch in
um | x86_64 | i386) ;;
arm64) cross=aarch64-linux-gnu- ;;
*) bad_usage "unknown architecture $arch" ;;
esac

configs=$ROOT/kunit/.kunitconfig
test ! -f "$ROOT/kunit/$arch.config" || configs="$configs $ROOT/kunit/$arch.config"
test -z "$variant" || configs="$configs $ROOT/kunit/${arch}_$variant.config"
configs="$configs$set_configs"

# shellcheck disable=SC2046,SC2086 # lists of names
"$SCRIPTS/packages.sh" kunit ${cross:+arm64} $(config_says packages $configs)
use_ccache "$LVBS_CACHE/kunit"
source=$("$SCRIPTS/kernel.sh" --source "$kernel")
store=$LVBS_CACHE/kunit/$kernel-$(basename "$source")$tree

compiler_version() {
	if test -n "$cross"; then
		"${cross}gcc" --version
	else
		# shellcheck disable=SC2086 # a list of paths
		config_compiler $configs
	fi
}

# Hard links: the kernel's build does not write into its sources, and sed -i replaces a file.
graft() {
	cp -al "$source/." "$1" || cp -a "$source/." "$1"
	sed -i '/^endmenu/i source "drivers/lvbs/Kconfig"' "$1/drivers/Kconfig"
	sed -i '$a obj-$(CONFIG_LVBS) += lvbs/' "$1/drivers/Makefile"
	grep -q lvbs "$1/drivers/Kconfig" && grep -q lvbs "$1/drivers/Makefile"
}
make_once "$store/linux" graft

# Other comments do not count.
# shellcheck disable=SC2086 # a list of paths
key=$({ grep -h -E '^(CONFIG_|# CONFIG_|# make: )' $configs && compiler_version; } | sha256sum | cut -c 1-12)
build_dir=$store/$arch${variant:+_$variant}-$key
make_tmp
log=$tmp/log
output=$tmp/output
: >"$log"

# Added to what tools/testing/kunit/qemu_configs says.
machine() {
	case $arch${variant:+_$variant} in
	# While the kernel identifies its first CPU, the flag for five-level page tables is clear for a moment. KASAN
	# misjudges addresses in an interrupt at that time.
	x86_64_kasan) echo "$(qemu_accel ""),la57=off -smp 2" ;;
	x86_64*) echo "$(qemu_accel "") -smp 2" ;;
	# Some of the memory is above 4 GiB, where only PAE reaches. Linux warns about SMP on the first AMD
	# CPUs.
	i386*) echo "$(qemu_accel ""),vendor=GenuineIntel -smp 2 -m 5G" ;;
	arm64*) echo "-accel tcg,thread=single -smp 2" ;;
	esac
}

kunit_py() {
	kunit_command=$1
	shift
	for config in $configs; do
		set -- "$@" --kunitconfig="$config"
	done
	test -z "$cross" || set -- "$@" --cross_compile="$cross"
	# shellcheck disable=SC2086 # a list of paths
	for variable in $(config_says make $configs); do
		set -- "$@" --make_options="$variable"
	done
	test "$arch" = um || set -- "$@" --qemu_args="$(machine)"
	(cd "$store/linux" && /usr/bin/python3 tools/testing/kunit/kunit.py "$kunit_command" --arch="$arch" \
		--build_dir="$build_dir" "$@" </dev/null 2>&1)
}

# The sources, and the kernel that was built from them.
inputs() {
	# shellcheck disable=SC2046 # a list of names without blanks
	(cd "$ROOT" && find $(module_sources) -type f | sort | tr '\n' '\0' | xargs -0 sha256sum)
	stat -c '%n %s %y' "$build_dir/vmlinux" 2>/dev/null || :
}

# The tree is shared by all checkouts and architectures: the caller holds its lock.
build() {
	# shellcheck disable=SC2046 # a list of names without blanks
	sync_tree "$ROOT" "$store/linux/drivers/lvbs" $(module_sources)
	kunit_py build --jobs="$(nproc)"
}

# The caller holds the lock of the build directory.
run_kunit() {
	mkdir -p "$build_dir"
	# make takes many seconds to find out that there is nothing to do.
	inputs >"$tmp/inputs"
	if ! cmp -s "$tmp/inputs" "$build_dir/.inputs"; then
		rm -f "$build_dir/.inputs"
		with_lock "$store/lock" build || return 1
		inputs >"$build_dir/.inputs"
	fi

	rm -f "$build_dir/test.log"
	# Lockdep in an emulator on a busy machine is slow.
	set -- --timeout=1200
	# A busy host fails the guest's check of its timer.
	case $arch in
	x86_64 | i386) set -- "$@" --kernel_args=no_timer_check ;;
	esac
	status=0
	# shellcheck disable=SC2086 # a list of options without blanks
	kunit_py exec "$@" $kernel_args "${filter:-*}" || status=$?
	cp "$build_dir/test.log" "$log" 2>/dev/null || :
	test -z "$keep_log" || cp "$log" "$keep_log"
	return "$status"
}

say "--> KUnit on $arch${variant:+ ($variant)}, Linux $kernel ($build_dir)"
status=0
{ with_lock "$build_dir.lock" run_kunit || echo "kunit.py's status: $?"; } | grep --line-buffered -v '^stty: ' | tee "$output"
grep -q "^kunit.py's status: " "$output" && status=1

count() {
	sed -n 's/.*Testing complete\. //p' "$output" | tail -n 1 | grep -o "$1: [0-9]*" | sed 's/.*: //' | grep . ||
		echo 0
}

passed=$(count passed)
failed=$(($(count failed) + $(count crashed) + $(count errors)))
skipped=$(count skipped)
test "$skipped" = 0 || echo "$skipped skipped"
if ! "$SCRIPTS/vm/splat.sh" "$log"; then
	echo "not ok: the kernel reported a bug"
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
