#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kernel.sh NAME            prints the directory of the stock kernel NAME (scripts/kernels): vmlinuz, release,
#                           headers/ (to build modules against), and toolchain/ if this system's compiler is older
#                           than the one that built the kernel
# kernel.sh NAME-rt         the same for Debian's kernel with PREEMPT_RT
# kernel.sh NAME-arm64      the same for arm64, to build against on this machine
# kernel.sh NAME-CONFIG     the same for that kernel built with scripts/kernels.d/CONFIG.config
# kernel.sh --source NAME   prints the directory of the kernel's source
# kernel.sh --list CLASS... prints the names of the kernels of these classes
#
# Packages are downloaded and unpacked into the cache, never installed. A cached kernel is used without any
# network access; newer versions are looked for once a week, or with --update.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kind=kernel
update=
while test $# -gt 0; do
	case $1 in
	--source) kind=source ;;
	--update) update=y ;;
	--list)
		shift
		kernels_of "$@"
		exit
		;;
	-*) bad_usage "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
test $# = 1 || bad_usage "name one kernel"
name=$1
if test "$kind" = kernel && test -f "$SCRIPTS/kernels.d/${name#*-}.config"; then
	exec "$SCRIPTS/vm/kernel-build.sh" "$name"
fi
suites=$(awk -v name="$name" '$1 == name { gsub(",", " ", $4); print "system", $4 }' "$SCRIPTS/kernels")
test -n "$suites" || die "no kernel '$name' in scripts/kernels"
store=$LVBS_CACHE/$kind/$name

cached() {
	find "$store" -mindepth 1 -maxdepth 1 -type d ! -name '*.part' 2>/dev/null | sort -V | tail -n 1
}

# The end of the packages' names, of a flavour and an architecture.
case $name in
*-rt) flavour=rt-amd64 ;;
*) flavour=cloud-$(arch_of "$name") ;;
esac

looked_recently() {
	test -z "$update" && test -n "$(find "$store/.looked" -mtime -7 2>/dev/null)"
}

# The newest release in a suite with both an image and headers: they may be published at different times.
release_in() {
	apt_in "$1" apt-cache pkgnames linux- |
		sed -En "s/^linux-(image|headers)-($(echo "${name%-*}" | sed 's/\./\\./')[.+-].*-$flavour)\$/\2/p" |
		sort -V | uniq -d | tail -n 1
}

version_in() {
	apt_in "$1" apt-cache show --no-all-versions "$2" 2>/dev/null | sed -n 's/^Version: //p'
}

# depends_in SUITE PACKAGE REGEX: the dependencies of PACKAGE that match.
depends_in() {
	apt_in "$1" apt-cache show --no-all-versions "$2" |
		sed -n 's/^Depends: //p' | tr '|' , | tr , '\n' | sed 's/^ *//; s/ .*//' | grep -Ex "$3" || :
}

unpack_kernel() {
	# shellcheck disable=SC2046 # a list of package names
	fetch_debs "$suite" "$2" "linux-image-$1" "linux-headers-$1" \
		$(depends_in "$suite" "linux-image-$1" 'linux-(binary|modules)-.*') \
		$(depends_in "$suite" "linux-headers-$1" 'linux-headers-.*-common(-rt)?') || return 1
	# Programs for this machine, whatever the kernel is for.
	kbuild=$(depends_in "$suite" "linux-headers-$1" 'linux-kbuild-.*')
	fetch_debs "${suite%:*}" "$2" "$kbuild=$(version_in "$suite" "$kbuild")" || return 1
	# These headers include the common ones by the absolute path of an installed package.
	# shellcheck disable=SC2016 # make's variables, not the shell's
	sed -i 's|/usr/src/|$(dir $(lastword $(MAKEFILE_LIST)))../|' "$2/usr/src/linux-headers-$1/Makefile"
	for link in "$2/usr/src/linux-headers-$1"/*; do
		test -e "$link" || { say "dangling link $link"; return 1; }
	done
	ln -s "usr/src/linux-headers-$1" "$2/headers"
	# In /boot, or since 7.x in the modules' directory.
	vmlinuz=$(find "$2" -name "vmlinuz-$1" -o -path "*/$1/vmlinuz")
	test -f "$vmlinuz" || { say "no kernel image in the packages of $1"; return 1; }
	ln -s "${vmlinuz#"$2"/}" "$2/vmlinuz"
	echo "$1" >"$2/release"
	compiler_serves "$2/headers" || unpack_toolchain "$1" "$2/toolchain"
}

# An older compiler may not know the options that the kernel was built with.
compiler_serves() {
	built_by=$(sed -n 's/^CONFIG_GCC_VERSION=\(.*\)....$/\1/p' "$1/.config")
	here=$("$(cross_of "$name")gcc" -dumpversion 2>/dev/null | sed 's/\..*//')
	test "${here:-0}" -ge "${built_by:-0}"
}

# A /usr with everything that the headers depend on and that a build calls (see build.sh).
unpack_toolchain() {
	packages=$(apt_in "$suite" apt-get install -s -o Dir::State::status=/dev/null --no-install-recommends \
		"linux-headers-$1" make dash coreutils sed grep findutils diffutils mawk |
		sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -v '^linux-')
	test -n "$packages" || return 1
	# shellcheck disable=SC2086 # a list of package names
	fetch_debs "$suite" "$2" $packages || return 1
	# The package's postinst would do this.
	ln -s mawk "$2/usr/bin/awk"
}

unpack_source() {
	# In a directory of its own: kernel and package both have a usr/.
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

if ! looked_recently || test -z "$(cached)"; then
	look
fi
if test -z "$(cached)"; then
	# Package lists may be missing, or name versions that the archive no longer has.
	"$SCRIPTS/packages.sh" --update
	look
fi
test -n "$(cached)" || die "cannot get the $kind packages of Linux $name (searched: $suites)"
cached
