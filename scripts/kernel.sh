#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh NAME            prints the folder of the stock cloud kernel NAME (see scripts/kernels):
#                           vmlinuz, release, headers/ (to build modules against), and toolchain/ where
#                           this system's compiler is older than the one that built the kernel
# kernel.sh NAME-CONFIG     the same of that kernel built with scripts/kernels.d/CONFIG.config: 6.1-debug
# kernel.sh --source NAME   prints the folder of that kernel's full source
#
# Packages are downloaded and unpacked into the cache, never installed. A cached kernel is used
# without asking the network; newer versions are looked for once a week, or with --update.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kind=kernel
update=
while test $# -gt 0; do
	case $1 in
	--source) kind=source ;;
	--update) update=y ;;
	-*) die "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
test $# = 1 || die "usage: kernel.sh [--source] [--update] NAME"
name=$1
case $kind-$name in
kernel-*-*) exec "$SCRIPTS/kernel-build.sh" "$name" ;;
esac
suites=$(awk -v name="$name" '$1 == name { $1 = ""; print "system" $0 }' "$SCRIPTS/kernels")
test -n "$suites" || die "no kernel '$name' in scripts/kernels"
store=$LVBS_CACHE/$kind/$name

cached() {
	find "$store" -mindepth 1 -maxdepth 1 -type d ! -name '*.part' 2>/dev/null | sort -V | tail -n 1
}

looked_lately() {
	test -z "$update" && test -n "$(find "$store/.looked" -mtime -7 2>/dev/null)"
}

# The newest release in a suite that has both image and headers (they can be published apart).
release_in() {
	apt_in "$1" apt-cache pkgnames linux- |
		sed -En "s/^linux-(image|headers)-($(echo "$name" | sed 's/\./\\./')[.+-].*-cloud-amd64)\$/\2/p" |
		sort -V | uniq -d | tail -n 1
}

version_in() {
	apt_in "$1" apt-cache show --no-all-versions "$2" 2>/dev/null | sed -n 's/^Version: //p'
}

# depends_in SUITE PACKAGE REGEX: the packages among PACKAGE's dependencies that match.
depends_in() {
	apt_in "$1" apt-cache show --no-all-versions "$2" |
		sed -n 's/^Depends: //p' | tr '|' , | tr , '\n' | sed 's/^ *//; s/ .*//' | grep -Ex "$3" || :
}

unpack_kernel() {
	# shellcheck disable=SC2046 # a list of package names
	fetch_debs "$suite" "$2" "linux-image-$1" "linux-headers-$1" \
		$(depends_in "$suite" "linux-image-$1" 'linux-(binary|modules)-.*') \
		$(depends_in "$suite" "linux-headers-$1" 'linux-(headers-.*-common|kbuild-.*)') || return 1
	# These headers name their other half by the absolute path of an installed package.
	# shellcheck disable=SC2016 # make's variables, not the shell's
	sed -i 's|/usr/src/|$(dir $(lastword $(MAKEFILE_LIST)))../|' "$2/usr/src/linux-headers-$1/Makefile"
	for link in "$2/usr/src/linux-headers-$1"/*; do
		test -e "$link" || { say "$link leads nowhere"; return 1; }
	done
	ln -s "usr/src/linux-headers-$1" "$2/headers"
	# In /boot, or since 7.x beside the modules.
	vmlinuz=$(find "$2" -name "vmlinuz-$1" -o -path "*/$1/vmlinuz")
	test -f "$vmlinuz" || { say "no kernel image in the packages of $1"; return 1; }
	ln -s "${vmlinuz#"$2"/}" "$2/vmlinuz"
	echo "$1" >"$2/release"
	compiler_serves "$2/headers" || unpack_toolchain "$1" "$2/toolchain"
}

# An older one may not know the options by which the kernel was built.
compiler_serves() {
	built_by=$(sed -n 's/^CONFIG_GCC_VERSION=\(.*\)....$/\1/p' "$1/.config")
	here=$(gcc -dumpversion 2>/dev/null | sed 's/\..*//')
	test "${here:-0}" -ge "${built_by:-0}"
}

# A /usr that has all that the headers depend on and what a build calls besides (see build.sh).
unpack_toolchain() {
	packages=$(apt_in "$suite" apt-get install -s -o Dir::State::status=/dev/null --no-install-recommends \
		"linux-headers-$1" make dash coreutils sed grep findutils diffutils mawk |
		sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -v '^linux-')
	test -n "$packages" || return 1
	# shellcheck disable=SC2086 # a list of package names
	fetch_debs "$suite" "$2" $packages || return 1
	# Made by an installation.
	ln -s mawk "$2/usr/bin/awk"
}

unpack_source() {
	# In a folder of its own: kernel and package both have an usr/.
	fetch_debs "$suite" "$2/.deb" "linux-source-$name" || return 1
	run "unpacking the source of Linux $1" \
		tar -xf "$2/.deb/usr/src/linux-source-$name.tar.xz" -C "$2" --strip-components=1 || return 1
	rm -r "$2/.deb"
}

get_kernel() {
	release=$(release_in "$suite")
	test -n "$release" || return 1
	make_once "$store/$(version_in "$suite" "linux-image-$release")_$release" unpack_kernel "$release"
}

get_source() {
	version=$(version_in "$suite" "linux-source-$name")
	test -n "$version" || return 1
	make_once "$store/$version" unpack_source "$version"
}

look() {
	mkdir -p "$store"
	for suite in $suites; do
		if "get_$kind"; then
			touch "$store/.looked"
			break
		fi
	done
}

if ! looked_lately || test -z "$(cached)"; then
	look
fi
if test -z "$(cached)"; then
	# Package lists that are missing, or older than what the archive still holds.
	"$SCRIPTS/packages.sh" --update
	look
fi
test -n "$(cached)" || die "could not get the $kind packages of Linux $name (looked in: $suites)"
cached
