#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel-build.sh NAME-CONFIG   prints the folder of the kernel NAME, built from its source with
#                               scripts/kernels.d/CONFIG.config: vmlinuz, vmlinux, release, headers/
#
# Built once for each version, configuration and compiler, and kept in the cache. kernel.sh calls this
# for such names.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

name=${1%-*}
config=${1##*-}
configs="$SCRIPTS/kernels.d/guest.config $SCRIPTS/kernels.d/$config.config"
test -f "$SCRIPTS/kernels.d/$config.config" || die "no configuration '$config' in scripts/kernels.d"

"$SCRIPTS/packages.sh" kernel
source=$("$SCRIPTS/kernel.sh" --source "$name")
# shellcheck disable=SC2086 # a list of paths
key=$({ cat $configs && gcc --version; } | sha256sum | cut -c 1-12)
dir=$LVBS_CACHE/kernel/$name-$config/$(basename "$source")-$key

# kernel_make TREE ARG...: make in a build folder; says nothing unless it fails.
kernel_make() {
	tree=$1
	shift
	# A configuration may set variables of make: "# make: NAME=VALUE".
	# shellcheck disable=SC2046,SC2086 # words
	make -C "$source" O="$tree" -j"$(nproc)" $(sed -n 's/^# make: //p' $configs) "$@" >"$tree/make.log" 2>&1 || {
		tail -n 40 "$tree/make.log" >&2
		return 1
	}
}

# Kconfig drops without a word what it does not know, or what lacks something else.
check_config() {
	dropped=$(
		grep -E '^CONFIG_' "$1" | grep -v -x -F -f "$2"
		sed -n 's/^# \(CONFIG_[^ ]*\) is not set/^\1=/p' "$1" | grep -f - "$2"
	) || :
	test -z "$dropped" || say "    not so in this kernel's configuration: $dropped"
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
	# What stays is what a module's build reads.
	find "$tree" -type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' -o -name 'vmlinux*' ! -name '*.symvers' \) \
		-delete
}

make_once "$dir" build || die "could not build Linux $1"
echo "$dir"
