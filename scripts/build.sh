#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build.sh [--kernel NAME | --kdir DIR] [--module NAME|DIR] [MAKEVAR=VALUE...]
#
# Builds lvbs.ko, the test module scripts/guest/modules/NAME, or anyone's module in DIR (a path with a "/") against
# lvbs's public headers and symbols, and prints the path of the .ko. NAME kunit is lvbs with its unit tests,
# lvbs_kunit.ko, for a kernel with CONFIG_KUNIT. The build runs in a copy below build/, because M= leaves objects
# among the sources. A second build compiles only what changed.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=
kdir=
toolchain=
module=lvbs
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 kdir= && shift ;;
	--kdir) kernel=kdir kdir=$2 && shift ;;
	--module) module=$2 && shift ;;
	*=*) break ;;
	*) bad_usage "unknown argument $1" ;;
	esac
	shift
done
kernel=${kernel:-$(default_kernel)}
case $module in
lvbs) module_dir=$ROOT ;;
kunit) module=lvbs_kunit module_dir=$ROOT ;;
*/*)
	module_dir=$(realpath "$module")
	module=$(sed -n 's/^obj-m[[:space:]]*[:+]*=[[:space:]]*\([^[:space:]]*\)\.o.*/\1/p' "$module_dir/Kbuild" \
		"$module_dir/Makefile" 2>/dev/null | head -n 1)
	test -n "$module" || die "no obj-m in $module_dir/Kbuild or Makefile"
	;;
*)
	module_dir=$SCRIPTS/guest/modules/$module
	test -d "$module_dir" || die "no module $module in scripts/guest/modules"
	;;
esac

if test -n "$kdir"; then
	test -d "$kdir" || die "no kernel build directory $kdir: install the kernel's headers, or set KDIR"
	command -v rsync >/dev/null || "$SCRIPTS/packages.sh" sync
else
	"$SCRIPTS/packages.sh" build
	kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
	kdir=$kernel_dir/headers
	toolchain=$kernel_dir/toolchain
fi
kdir=$(realpath "$kdir")
cross=$(cross_of "$kernel")
test -z "$cross" || "$SCRIPTS/packages.sh" arm64
compiler=
test -d "$toolchain" || compiler=$(kernel_cc "$kdir" "$cross")
use_ccache ""

if test "$module" = lvbs_kunit; then
	grep -q '^CONFIG_KUNIT=' "$kdir/.config" ||
		die "no CONFIG_KUNIT in $kdir/.config: build for a kernel that has it ($(kernels_of debug))"
fi

# Test modules may use what lvbs exports.
if test "$module_dir" != "$ROOT" && grep -q '<lvbs/' "$module_dir"/*.c; then
	"$0" --kernel "$kernel" "$@" >/dev/null
fi

# A directory for each set of flags (W=1, C=1): make does not rebuild when only these change.
flavour=$(printf '%s' "$*" | tr -c 'A-Za-z0-9\n' '_')
out=$BUILD/$kernel${flavour:+-$flavour}
tree=$out/$module

# A toolchain holds programs of another Debian release. They run where its /usr is mounted as /usr, in a
# namespace of their own; that needs no privilege.
with_toolchain() {
	if test -d "$toolchain"; then
		# shellcheck disable=SC2016 # the inner shell's
		unshare --user --map-root-user --mount sh -c 'mount --bind "$0/usr" /usr && exec "$@"' \
			"$toolchain" "$@"
	else
		"$@"
	fi
}

# Checksums of everything that a build is made from; the kernels of the cache do not change.
inputs() {
	{
		echo "$SCRIPTS/build.sh"
		if test "$module_dir" = "$ROOT"; then
			# shellcheck disable=SC2046 # a list of names without blanks
			(cd "$ROOT" && find $(module_sources) -type f) | sed "s|^|$ROOT/|"
		else
			find "$module_dir" "$ROOT/include" -type f
			test ! -f "$out/lvbs/Module.symvers" || echo "$out/lvbs/Module.symvers"
		fi
	} | sort | tr '\n' '\0' | xargs -0 sha256sum
}

make_module() {
	# BTF would need pahole and the kernel's image; nothing here reads a module's BTF.
	# shellcheck disable=SC2086 # empty or one word
	with_toolchain make -C "$kdir" M="$tree" --no-print-directory -j"$(nproc)" CONFIG_DEBUG_INFO_BTF_MODULES= \
		$compiler "$@" modules >"$tree/make.log" 2>&1 || {
		cat "$tree/make.log" >&2
		return 1
	}
	grep -v -E '^  [A-Z]+ ' "$tree/make.log" >&2 || :
}

build() {
	# Another version of the kernel under the same name: no object of the old build fits.
	if test -f "$out/.kdir" && test "$(cat "$out/.kdir")" != "$kdir"; then
		rm -rf "$out"
	fi
	# A build with checkers (flags) that had something to report, or did not end, starts from nothing: make would
	# not check again what it has compiled.
	if test -f "$tree/.unclean"; then
		rm -rf "$tree"
	fi
	mkdir -p "$tree"
	echo "$kdir" >"$out/.kdir"
	# make takes seconds to find out that there is nothing to do, and every VM calls this.
	inputs >"$tree/.inputs.new"
	if test "$kernel" != kdir && cmp -s "$tree/.inputs.new" "$tree/.inputs" && test -f "$out/$module.ko"; then
		return
	fi
	rm -f "$tree/.inputs"
	if test "$module_dir" = "$ROOT"; then
		# shellcheck disable=SC2046 # a list of names without blanks
		sync_tree "$ROOT" "$tree" $(module_sources)
	else
		sync_tree "$module_dir" "$tree" .
		set -- KCPPFLAGS="-I$ROOT/include" "$@"
		test ! -f "$out/lvbs/Module.symvers" ||
			set -- KBUILD_EXTRA_SYMBOLS="$out/lvbs/Module.symvers" "$@"
	fi
	test "$module" != lvbs_kunit || set -- LVBS_KUNIT=y "$@"
	test -z "$flavour" || touch "$tree/.unclean"
	make_module "$@" || return 1
	grep -q -E "^$tree/.*: (warning|error): " "$tree/make.log" || rm -f "$tree/.unclean"
	# Replaced at once: other processes must not see a .ko that is being written.
	if ! cmp -s "$tree/$module.ko" "$out/$module.ko"; then
		cp "$tree/$module.ko" "$out/$module.ko.new"
		mv "$out/$module.ko.new" "$out/$module.ko"
	fi
	mv "$tree/.inputs.new" "$tree/.inputs"
}

with_lock "$out.lock" build "$@" || die "the build of $module for $kernel failed"
echo "$out/$module.ko"
