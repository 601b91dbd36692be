#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dkms.sh            builds the Debian package; dkms add, build, install and remove of what it contains for the stock
#                    kernels, in trees of its own
# dkms.sh --chroot   installs and purges the package in a bare Debian 12, with that release's headers; needs root
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

# The same path in each run, for ccache.
trees=$BUILD/dkms-test
version=$("$SCRIPTS/version.sh")

in_trees() {
	dkms "$@" --dkmstree "$trees/dkms" --sourcetree "$trees/usr/src" --installtree "$trees/root/lib/modules" "lvbs/$version"
}

# Of the sources, the package has what a module's build reads.
has_sources() {
	for path in Kbuild Kconfig dkms.conf include module; do
		diff -r "$ROOT/$path" "$trees/usr/src/lvbs-$version/$path" || return 1
	done
}

newest_change() {
	zcat "$trees/usr/share/doc/lvbs-dkms/changelog.gz" | dpkg-parsechangelog -l - -S "$1"
}

is_for() {
	modinfo -F vermagic "$trees/dkms/lvbs/$version/$1/x86_64/module/"lvbs.ko* | grep "^$1 "
}

# is_excluded RELEASE CONFIG...: headers of a kernel that the module is not for.
is_excluded() {
	excluded=$1
	shift
	mkdir -p "$tmp/headers/include"
	printf '%s\n' "$@" >"$tmp/headers/.config"
	! said=$(in_trees build -k "$excluded" --kernelsourcedir "$tmp/headers" 2>&1) || return 1
	echo "$said"
	echo "$said" | grep BUILD_EXCLUSIVE
}

# dkms calls depmod for /lib/modules only.
found_by_modprobe() {
	depmod -a -b "$trees/root" "$1"
	modprobe -d "$trees/root" -S "$1" --show-depends lvbs |
		grep "^insmod $trees/root/lib/modules/$1/.*/lvbs\.ko"
}

# says_installed COUNT: for that many kernels.
says_installed() {
	test "$(in_trees status | grep -c ': installed$')" = "$1"
}

nothing_left() {
	! find "$trees/root" "$trees/dkms" -name 'lvbs*' | grep .
}

run_all() {
	rm -rf "$trees"
	mkdir -p "$trees/dkms"

	t_ok "make deb" make -C "$ROOT" deb
	deb=$("$SCRIPTS/deb.sh")
	dpkg -x "$deb" "$trees"
	t_ok "the package has the sources" has_sources
	t_is "$(newest_change Version)" "$(dpkg-deb -f "$deb" Version)" "its changelog begins with its version"
	t_is "$(newest_change Changes | grep -c '^ *\* ')" \
		"$(sed '1,/^## /d; /^## /,$d' "$ROOT/CHANGELOG.md" | grep -c '^- ')" \
		"its changelog has all changes of CHANGELOG.md"
	t_ok "dkms add" in_trees add
	t_ok "dkms refuses Linux 6.0" is_excluded 6.0.0-1-amd64 CONFIG_KPROBES=y CONFIG_DEBUG_FS=y
	t_ok "dkms refuses a kernel without kprobes" is_excluded 6.1.0-1-amd64 CONFIG_DEBUG_FS=y
	t_ok "dkms refuses a kernel without debugfs" is_excluded 6.1.0-1-amd64 CONFIG_KPROBES=y
	count=0
	for kernel in $(kernels_of stock); do
		count=$((count + 1))
		kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
		release=$(cat "$kernel_dir/release")
		t_ok "dkms build for $release" in_trees build -k "$release" --kernelsourcedir "$kernel_dir/headers"
		t_ok "the module is for $release" is_for "$release"
		mkdir -p "$trees/root/lib/modules/$release"
		t_ok "dkms install for $release" in_trees install --no-depmod -k "$release"
		t_ok "modprobe finds it for $release" found_by_modprobe "$release"
	done
	t_ok "dkms status lists all as installed" says_installed $count
	t_ok "dkms remove" in_trees remove --no-depmod --all
	t_ok "dkms status lists none as installed" says_installed 0
	t_ok "dkms remove leaves nothing" nothing_left
	t_done
}

# A Debian 12 with nothing but apt, which has downloaded what the package needs.
make_base() {
	site=$(debian_site) || return 1
	# shellcheck disable=SC2016 # mmdebstrap's shell's
	run "making a Debian 12 in $1" mmdebstrap --quiet --mode=root --variant=apt \
		--customize-hook='chroot "$1" apt-get install --yes -qq --no-install-recommends --download-only -o APT::Keep-Downloaded-Packages=true dkms linux-headers-amd64' \
		--skip=cleanup/apt bookworm "$1/base.tar" "$site" >&2
}

# In name spaces of its own: what is mounted there, and processes that are left, end with the command.
in_chroot() {
	# shellcheck disable=SC2016 # the inner shell's
	unshare --mount --pid --fork sh -c '
		root=$1
		shift
		mount --rbind /dev "$root/dev"
		mount -t proc proc "$root/proc"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
	' sh "$tmp/root" "$@"
}

status_in_chroot() {
	in_chroot dkms status lvbs | sed 's/^.*: //'
}

# modinfo FIELD of the module that modprobe finds in the chroot.
modinfo_in_chroot() {
	in_chroot modinfo -k "$release" -F "$1" lvbs
}

nothing_in_chroot() {
	! find "$tmp/root/etc" "$tmp/root/lib/modules" "$tmp/root/usr" "$tmp/root/var/lib" -name '*lvbs*' | grep .
}

run_chroot() {
	deb=$("$SCRIPTS/deb.sh")
	# Without DEBEMAIL the maintainer has no address.
	t_silent "lintian" lintian --allow-root --fail-on error,warning --suppress-tags \
		bogus-mail-host,bogus-mail-host-in-debian-changelog "$deb"
	make_once "$LVBS_CACHE/chroot" make_base
	mkdir "$tmp/root"
	tar -xf "$LVBS_CACHE/chroot/base.tar" -C "$tmp/root"
	cp "$deb" "$tmp/root/lvbs-dkms.deb"
	t_ok "apt-get install" in_chroot apt-get install --yes --no-install-recommends /lvbs-dkms.deb linux-headers-amd64
	release=$(basename "$(find "$tmp/root/lib/modules" -mindepth 1 -maxdepth 1)")
	t_is "$(status_in_chroot)" installed "dkms status"
	t_is "$(modinfo_in_chroot vermagic | cut -d ' ' -f 1)" "$release" "the module is for $release"
	t_is "$(modinfo_in_chroot version)" "$version" "the module has the version of dkms.conf"
	t_ok "modprobe finds it" in_chroot modprobe -S "$release" --show-depends lvbs
	t_ok "apt-get install again" in_chroot apt-get install --yes --no-install-recommends --reinstall /lvbs-dkms.deb
	t_is "$(status_in_chroot)" installed "dkms status after that"
	t_ok "apt-get purge" in_chroot apt-get purge --yes lvbs-dkms
	t_ok "nothing of it is left" nothing_in_chroot
	t_done
}

case ${1:-} in
"")
	"$SCRIPTS/packages.sh" build dkms deb
	use_ccache ""
	with_lock "$trees.lock" run_all
	;;
--chroot)
	test "$(id -u)" = 0 || die "needs root, for chroot"
	"$SCRIPTS/packages.sh" deb chroot
	run_chroot
	;;
*) bad_usage "unknown argument $1" ;;
esac
