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
# A kernel directory whose Makefile says what it was called with. Compilers that do nothing.
mkdir -p "$tmp/kdir" "$tmp/bin"
cat >"$tmp/kdir/Makefile" <<'END'
modules:
	@echo "called with: $(LLVM) $(CC)" >&2 && false
END
for program in sh make sed grep dirname realpath mkdir rsync find sort tr xargs sha256sum cat rm cmp flock env date test nproc cut; do
	ln -s "$(command -v "$program")" "$tmp/bin/$program"
done

# chooses TEXT CONFIG COMPILER...: make says TEXT for a kernel with this configuration where only these compilers are.
chooses() {
	text=$1
	printf '%s\n' "$2" | tr ' ' '\n' >"$tmp/kdir/.config"
	shift 2
	rm -f "$tmp/bin"/*clang* "$tmp/bin"/*lld* "$tmp/bin"/*gcc*
	for compiler in "$@"; do
		ln -s /bin/true "$tmp/bin/$compiler"
	done
	! said=$(PATH=$tmp/bin "$SCRIPTS/build.sh" --kdir "$tmp/kdir" 2>&1) || return 1
	echo "$said"
	echo "$said" | grep -q -e "$text"
}

clang="CONFIG_CC_IS_CLANG=y CONFIG_CLANG_VERSION=140006"
lld="$clang CONFIG_LD_IS_LLD=y"
t_ok "make takes LLVM for a kernel by LLVM" chooses "called with: 1 " "$lld" gcc clang ld.lld
t_ok "make takes the version that the kernel was built by" \
	chooses "called with: -14 " "$lld" gcc clang ld.lld clang-14 ld.lld-14
t_ok "make takes clang for a kernel by clang and GNU ld" chooses "called with:  clang" "$clang" gcc clang ld.lld
t_ok "make takes gcc for a kernel by gcc" chooses "called with:  cc" "CONFIG_CC_IS_GCC=y" gcc clang ld.lld
t_ok "make says that clang is missing" chooses "built by clang: install clang-14, lld-14" "$lld" gcc
t_ok "make says that lld is missing" chooses "built by clang: install clang-14, lld-14" "$lld" gcc clang
t_ok "make says that gcc is missing" chooses "built by gcc: install gcc" "CONFIG_CC_IS_GCC=y" clang
for kernel in $(kernels_of stock); do
	t_ok "lvbs.ko builds for $kernel" "$SCRIPTS/build.sh" --kernel "$kernel"
done
t_ok "make says in a sentence that KDIR does not exist" refuses_without_kdir
t_done
