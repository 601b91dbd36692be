#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# docs.sh   builds Documentation/lvbs to HTML in build/docs with Sphinx; a warning is an error
#
# The reference comes from the kernel-doc comments of include/lvbs, by the kernel's own Sphinx extension. The
# page on lock order must name the locks that module/ declares, and no others.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
test $# = 0 || bad_usage "unknown argument $1"

cd "$ROOT"
mkdir -p "$BUILD"

locks_declared() {
	type='(struct mutex|struct rw_semaphore|raw_spinlock_t|spinlock_t)'
	grep -rhE "^(static )?(DEFINE_(MUTEX|RAW_SPINLOCK|SPINLOCK)|DECLARE_RWSEM)\(|^[[:space:]]+$type [a-z0-9_]+(\[.*)?;" module |
		sed -E "s/.*(DEFINE|DECLARE)_[A-Z_]+\(([a-z0-9_]+)\).*/\2/; s/.*$type ([a-z0-9_]+).*/\2/" | sort -u
}

# The first name in the second column of a table there.
locks_documented() {
	sed -nE 's/^.{4}``([a-z0-9_]+\.)?([a-z0-9_]+).*/\2/p' Documentation/lvbs/locking.rst | sort -u
}

locks_declared >"$BUILD/locks.declared"
locks_documented >"$BUILD/locks.documented"
diff -u --label module/ "$BUILD/locks.declared" --label Documentation/lvbs/locking.rst "$BUILD/locks.documented" >&2 ||
	die "the lock order does not match the locks of the module: correct Documentation/lvbs/locking.rst"

LVBS_VERSION=$("$SCRIPTS/version.sh")
"$SCRIPTS/packages.sh" docs
LVBS_KERNEL_SOURCE=$("$SCRIPTS/kernel.sh" --source "$(default_kernel)")
export LVBS_VERSION LVBS_KERNEL_SOURCE

# -E: Sphinx repeats the warnings of a page only when it reads that page again.
run "building the documentation" sphinx-build -E -q -W --keep-going -c "$ROOT/Documentation" \
	-d "$BUILD/docs.tmp" "$ROOT/Documentation/lvbs" "$BUILD/docs" >&2
echo "$BUILD/docs/index.html"
