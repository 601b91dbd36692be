#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# stock_modules.sh KERNEL MODULE...   prints the path of a directory "stock", for the guest: modules of the stock
#                                     kernel KERNEL with those that they depend on, and "order", in which to load them
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# -gt 1 || bad_usage "name a kernel and modules"
kernel=$1
shift
"$SCRIPTS/packages.sh" dkms
kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
release=$(cat "$kernel_dir/release")
modules=$(find "$kernel_dir" -type d -path "*/lib/modules/$release/kernel")
test -d "$modules" || die "no modules in the packages of Linux $kernel"
out=$BUILD/stock/$kernel/stock
make_tmp

# paths NAME...: the files of modules, dependencies first, relative to the directory of the release.
paths() {
	awk -v wanted="$*" '
		{ file = $1; sub(/:$/, "", file); name = file; gsub(/.*\/|\.ko.*/, "", name); gsub(/-/, "_", name)
		  path[name] = file; needs[name] = ""
		  for (i = NF; i > 1; i--) needs[name] = needs[name] " " $i }
		END {
			n = split(wanted, names)
			for (i = 1; i <= n; i++) {
				if (!(names[i] in path)) { print "no module " names[i] >"/dev/stderr"; exit 1 }
				m = split(needs[names[i]] " " path[names[i]], files)
				for (j = 1; j <= m; j++) if (!seen[files[j]]++) print files[j]
			}
		}' "$tmp/lib/modules/$release/modules.dep"
}

unpack() {
	mkdir -p "$tmp/lib/modules/$release"
	ln -s "$modules" "$tmp/lib/modules/$release/kernel"
	: >"$tmp/lib/modules/$release/modules.order"
	: >"$tmp/lib/modules/$release/modules.builtin"
	: >"$tmp/lib/modules/$release/modules.builtin.modinfo"
	depmod -b "$tmp" "$release" && paths "$@" >"$tmp/paths" || return 1
	mkdir -p "$out.new"
	while read -r path; do
		file=$(basename "$path" | sed 's/\.ko.*//')
		case $path in
		*.xz) xz -dc "$tmp/lib/modules/$release/$path" >"$out.new/$file.ko" ;;
		*) cp "$tmp/lib/modules/$release/$path" "$out.new/$file.ko" ;;
		esac || return 1
		echo "$file"
	done <"$tmp/paths" >"$out.new/order"
	rm -rf "$out"
	mv "$out.new" "$out"
}

with_lock "$out.lock" unpack "$@" || die "cannot unpack modules of Linux $kernel"
echo "$out"
