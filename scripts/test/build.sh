#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# build.sh   checks that the module builds for every stock kernel, and what make says where it cannot work
#
# install.sh checks make KDIR=DIR.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

refuses_without_kdir() {
	! said=$(make -C "$ROOT" KDIR=/nonexistent 2>&1) || return 1
	echo "$said"
	echo "$said" | grep -q 'no kernel build directory /nonexistent'
}

# says_only TEXT CMD...: CMD fails, and prints one line, which has TEXT.
says_only() {
	text=$1
	shift
	! said=$("$@" 2>&1) || return 1
	echo "$said"
	test "$(echo "$said" | wc -l)" = 1 && echo "$said" | grep -q -F "$text"
}

for name in "a b" a:b; do
	mkdir "$tmp/$name"
	cp -R "$ROOT/Makefile" "$ROOT/scripts" "$tmp/$name"
	t_ok "make says in a sentence that it cannot work in '$name'" \
		says_only "move \"$tmp/$name\"" make --no-print-directory -C "$tmp/$name"
	t_ok "so does a script" says_only "move '$tmp/$name'" "$tmp/$name/scripts/version.sh"
done
t_ok "a script says in a sentence that the cache's path has blanks" \
	says_only "(LVBS_CACHE)" env LVBS_CACHE="$tmp/a b" "$SCRIPTS/version.sh"
t_ok "a script says in a sentence that the user has no home" \
	says_only "set LVBS_CACHE" env -u HOME -u XDG_CACHE_HOME -u LVBS_CACHE "$SCRIPTS/version.sh"
t_ok "a script says in a sentence that the home is not there" \
	says_only "set LVBS_CACHE" env -u XDG_CACHE_HOME -u LVBS_CACHE HOME=/dev/null "$SCRIPTS/version.sh"
for kernel in $(kernels_of stock); do
	t_ok "lvbs.ko builds for $kernel" "$SCRIPTS/build.sh" --kernel "$kernel"
done
t_ok "make says in a sentence that KDIR does not exist" refuses_without_kdir
t_done
