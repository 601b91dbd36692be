#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel-build.sh NAME-CONFIG   prints the directory of the kernel NAME, built from source with
#                               scripts/kernels.d/CONFIG.config: vmlinuz, vmlinux, release, headers/
#
# Built once for each version, configuration and compiler, and kept in the cache. For kernel.sh.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

name=${1%-*}
config=${1##*-}
configs="$SCRIPTS/kernels.d/guest.config $SCRIPTS/kernels.d/$config.config"
test -f "$SCRIPTS/kernels.d/$config.config" || die "no configuration '$config' in scripts/kernels.d"

# shellcheck disable=SC2046,SC2086 # lists of words
"$SCRIPTS/packages.sh" kernel $(config_says packages $configs)
use_ccache "$LVBS_CACHE"
source=$("$SCRIPTS/kernel.sh" --source "$name")
# Other comments do not count.
# shellcheck disable=SC2086 # a list of paths
key=$({ grep -h -E '^(CONFIG_|# CONFIG_|# make: )' $configs && config_compiler $configs; } | sha256sum | cut -c 1-12)
dir=$LVBS_CACHE/kernel/$name-$config/$(basename "$source")-$key

# kernel_make TREE ARG...: make in a build directory; prints nothing unless it fails.
kernel_make() {
	tree=$1
	shift
	# A configuration may set make variables: "# make: NAME=VALUE".
	# shellcheck disable=SC2046,SC2086 # words
	make -C "$source" O="$tree" -j"$(nproc)" $(config_says make $configs) "$@" >"$tree/make.log" 2>&1 || {
		tail -n 40 "$tree/make.log" >&2
		return 1
	}
}

# Kconfig silently drops options that it does not know, or whose dependencies are missing.
check_config() {
	dropped=$(
		grep -E '^CONFIG_' "$1" | grep -v -x -F -f "$2"
		sed -n 's/^# \(CONFIG_[^ ]*\) is not set/^\1=/p' "$1" | grep -f - "$2"
	) || :
	test -z "$dropped" || say "    the kernel's configuration does not have: $dropped"
	test -z "$dropped"
}

build() {
	tree=$1/headers
	mkdir -p "$tree"
	# shellcheck disable=SC2086 # a list of paths
	cat $configs >"$1/wanted.config"
	kernel_make "$tree" KCONFIG_ALLCONFIG="$1/wanted.config" allnoconfig || return 1
	check_config "$1/wanted.config" "$tree/.config" || return 1
	run "building Linux $name with scripts/kernels.d/$config.config (some minutes)" \
		kernel_make "$tree" bzImage modules || return 1
	cp "$tree/include/config/kernel.release" "$1/release"
	mv "$tree/arch/x86/boot/bzImage" "$1/vmlinuz"
	mv "$tree/vmlinux" "$1/vmlinux"
	# Keep what a module's build reads.
	find "$tree" -type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' ! -name '*.symvers' \) \
		-delete
}

make_once "$dir" build || die "cannot build Linux $1"
echo "$dir"
