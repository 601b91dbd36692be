#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build.sh [--kernel NAME | --kdir DIR] [--module NAME] [MAKEVAR=VALUE...]
#
# Builds lvbs.ko, or the test module scripts/guest/modules/NAME, and prints the .ko's path. The
# build runs in a copy under build/, as M= leaves its objects among the sources. The copy follows
# the sources by content, so that a second build compiles only what changed.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=6.1
kdir=
toolchain=
module=lvbs
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 kdir= && shift ;;
	--kdir) kernel=kdir kdir=$2 && shift ;;
	--module) module=$2 && shift ;;
	*=*) break ;;
	*) die "unknown argument $1" ;;
	esac
	shift
done

if test -n "$kdir"; then
	test -d "$kdir" || die "no kernel build folder at $kdir: install the kernel's headers, or set KDIR"
else
	"$SCRIPTS/packages.sh" build
	kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
	kdir=$kernel_dir/headers
	toolchain=$kernel_dir/toolchain
fi
kdir=$(realpath "$kdir")

# Test modules may call what lvbs exports, by its public headers.
if grep -q '<lvbs/' "$SCRIPTS/guest/modules/$module"/*.c 2>/dev/null; then
	"$0" --kernel "$kernel" "$@" >/dev/null
fi

# A folder per set of flags (W=1, C=2): make does not rebuild when only these change.
flavour=$(printf '%s' "$*" | tr -c 'A-Za-z0-9\n' '_')
out=$BUILD/$kernel${flavour:+-$flavour}

# Stock headers name the compiler that built the kernel; another one serves when it is not there.
compiler() {
	test ! -d "$toolchain" || return 0
	sed -n 's/^CC *=.*\(gcc-[0-9]*\)$/\1/p' "$kdir/.kernelvariables" 2>/dev/null | while read -r cc; do
		command -v "$cc" >/dev/null || echo CC=gcc
	done
}

# A toolchain is programs of another release of the system: they run where its /usr is /usr, which
# nobody else sees, and which needs no privilege.
with_toolchain() {
	if test -d "$toolchain"; then
		# shellcheck disable=SC2016 # the inner shell's
		unshare --user --map-root-user --mount sh -c 'mount --bind "$0/usr" /usr && exec "$@"' \
			"$toolchain" "$@"
	else
		"$@"
	fi
}

# Sums of all that a plain build for one of the cache's kernels, which do not change, is made from.
inputs() {
	{
		echo "$SCRIPTS/build.sh"
		if test "$module" = lvbs; then
			for source in $(module_sources); do
				find "$ROOT/$source" -type f
			done
		else
			find "$SCRIPTS/guest/modules/$module" "$ROOT/include" -type f
			test ! -f "$out/lvbs/Module.symvers" || echo "$out/lvbs/Module.symvers"
		fi
	} | sort | tr '\n' '\0' | xargs -0 sha256sum
}

build() {
	# Another kernel version under the same name: nothing of the old build fits.
	if test -f "$out/.kdir" && test "$(cat "$out/.kdir")" != "$kdir"; then
		rm -rf "$out"
	fi
	tree=$out/$module
	mkdir -p "$tree"
	echo "$kdir" >"$out/.kdir"
	# To have make find out that there is nothing to do takes it some seconds, for each VM. (Checkers,
	# which flags ask for, are to be heard every time.)
	if test -z "$*" && test "$kernel" != kdir; then
		inputs >"$tree/.inputs.new"
		! cmp -s "$tree/.inputs.new" "$tree/.inputs" || ! test -f "$out/$module.ko" || return 0
	fi
	rm -f "$tree/.inputs"
	if test "$module" = lvbs; then
		# shellcheck disable=SC2046 # a list of names without blanks
		sync_tree "$ROOT" "$tree" $(module_sources)
	else
		sync_tree "$SCRIPTS/guest/modules/$module" "$tree" .
	fi
	if test "$module" != lvbs; then
		set -- KCPPFLAGS="-I$ROOT/include" "$@"
		test ! -f "$out/lvbs/Module.symvers" ||
			set -- KBUILD_EXTRA_SYMBOLS="$out/lvbs/Module.symvers" "$@"
	fi
	# BTF would want pahole and the kernel's own image; nothing here reads a module's BTF.
	# shellcheck disable=SC2046 # empty or one word
	with_toolchain make -C "$kdir" M="$tree" --no-print-directory -j"$(nproc)" CONFIG_DEBUG_INFO_BTF_MODULES= \
		$(compiler) "$@" modules >"$tree/make.log" 2>&1 || {
		cat "$tree/make.log" >&2
		return 1
	}
	grep -v -E '^  [A-Z]+ ' "$tree/make.log" >&2 || :
	# Whoever copies the .ko must not meet one that is being linked.
	if ! cmp -s "$tree/$module.ko" "$out/$module.ko"; then
		cp "$tree/$module.ko" "$out/$module.ko.new"
		mv "$out/$module.ko.new" "$out/$module.ko"
	fi
	test ! -f "$tree/.inputs.new" || mv "$tree/.inputs.new" "$tree/.inputs"
}

with_lock "$out.lock" build "$@" || die "lvbs: the build of $module for $kernel failed"
echo "$out/$module.ko"
