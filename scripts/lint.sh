#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh   style, static checks and the rules of the architecture, a case each
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"
cd "$ROOT"

"$SCRIPTS/packages.sh" lint
tree=$("$SCRIPTS/kernel.sh" --source 6.1)
# 6.12's knows more warnings than 6.1's.
kernel_doc=$(echo "$("$SCRIPTS/kernel.sh" 6.12)"/usr/lib/linux-kbuild-*/scripts/kernel-doc)

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

c_files() {
	find include module kunit scripts/guest/modules -name '*.[ch]' ! -name '*.mod.c' | sort
}

shell_files() {
	find scripts -type f \( -name '*.sh' -o -name init \) | sort
}

# checkpatch_but TYPES FILE...
checkpatch_but() {
	# Macros that take a type from an argument name it twice and evaluate it once; comparing versions
	# looks like a constant on the left; ENOSYS is what unknown VTL calls get. Rule "LINUX_VERSION_CODE"
	# below says where that may stand.
	ignore=LINUX_VERSION_CODE,MACRO_ARG_REUSE,CONSTANT_COMPARISON,ENOSYS,$1
	shift
	test $# = 0 || perl "$tree/scripts/checkpatch.pl" --strict --no-tree --no-summary --quiet --terse \
		--show-types --ignore "$ignore" -f "$@"
}

# shellcheck disable=SC2046 # paths without blanks
checkpatch() {
	# What sets a page's flags is named so by the kernel. Tracepoints are laid out as the kernel's own are,
	# which checkpatch takes for open calls.
	names=__SetPage
	layout=TRACE_INCLUDE_FILE
	status=0
	checkpatch_but "" $(c_files | xargs grep -L -e $names -e $layout) || status=1
	checkpatch_but CAMELCASE $(c_files | xargs grep -l -e $names) || status=1
	checkpatch_but OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,SPACING $(c_files | xargs grep -l -e $layout) || status=1
	return $status
}

# One build for both. Of sparse, only what it says of these sources: it also trips over the kernel's own
# headers.
strict_build() {
	"$SCRIPTS/build.sh" --kernel "$1" KCFLAGS=-Werror W=1 C=2 >/dev/null 2>"$scratch/build" || {
		cat "$scratch/build"
		return 1
	}
	! grep -E "^$BUILD/.*: (warning|error): " "$scratch/build"
}

kernel_doc() {
	# shellcheck disable=SC2046 # paths without blanks
	perl "$kernel_doc" -none -Wall -Werror $(find include module -name '*.h' | sort)
}

# Said on stderr, and without a status of its own.
abi_valid() {
	perl "$tree/scripts/get_abi.pl" --dir Documentation/ABI validate
}

# The files that the code makes, and who may use them, are those that the document has.
abi_complete() {
	{
		grep -hoE '(\{ |debugfs_create_file(_unsafe)?\()"[a-z_]+", 0[46]00, ' module/debugfs/*.c |
			sed 's/^[^"]*"//; s/", 0400, / RO/; s/", 0600, / W/'
		awk '/^What:/ { sub(".*/", ""); name = $0 }
			/^\t\t\((RO|RW|WO)\)/ { print name, $1 == "(RO)" ? "RO" : "W" }' \
			Documentation/ABI/testing/debugfs-lvbs
	} | sort | uniq -u
}

shellcheck_all() {
	# SC2317: suites hand their functions to t_ok and t_fails, which shellcheck takes for dead code.
	# shellcheck disable=SC2046 # paths without blanks
	shellcheck -x -e SC2317 $(shell_files) .ci/run
}

# none REGEX FILE...: no line of code, comments aside, matches.
none() {
	regex=$1
	shift
	test $# != 0 || return 0
	! grep -nE "$regex" "$@" /dev/null | grep -vE '^[^:]*:[0-9]*:[[:space:]]*(\*|/\*|//)'
}

# files DIR... -- EXCEPT...: the C files below DIRs apart from those.
files() {
	dirs=
	while test "$1" != --; do
		test ! -d "$1" || dirs="$dirs $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # a list of names
	find $dirs -name '*.[ch]' | sort | while read -r file; do
		case " $* " in *" $file "*) ;; *) echo "$file" ;; esac
	done
}

public_includes() {
	# shellcheck disable=SC2046 # paths without blanks
	! grep -nE '^[[:space:]]*#[[:space:]]*include' $(files include --) /dev/null |
		grep -vE '#[[:space:]]*include <(linux|lvbs)/'
}

# shellcheck disable=SC2046 # paths without blanks, all below
rules() {
	check_silent "public headers include <linux/...> and <lvbs/...> only" public_includes
	check_silent "LINUX_VERSION_CODE stands in compat.h alone" \
		none '(LINUX_VERSION_CODE|KERNEL_VERSION\()' $(files include module kunit -- module/compat.h)
	check_silent "only phys/vmap_manager.c calls vmap() and vunmap()" \
		none '(^|[^A-Za-z0-9_>.])(vmap|vunmap|vm_map_ram|vm_unmap_ram)\(' \
		$(files include module -- module/phys/vmap_manager.c module/compat.h)
	check_silent "only phys/map_readonly.c touches page tables" \
		none '(^|[^A-Za-z0-9_>.])(lookup_address|set_pte[a-z_]*|set_memory_[a-z]*)\(' \
		$(files include module -- module/phys/map_readonly.c)
	check_silent "only text patches and rings bypass protection" \
		none 'vmap_manager_privileged' $(find module -name '*.[ch]' ! -path 'module/heki/*' \
		! -path 'module/ring/*' ! -name 'vmap_manager*')
	check_silent "debugfs files call no vmap manager's ops" \
		none '(->|\.)(vmap|vunmap|validate_unowned|protect)\(' $(find module/debugfs -name '*.c')
	check_silent "kunit/ includes no source file of module/" \
		none '#[[:space:]]*include.*\.c[">]' $(files kunit --)
	check_silent "every source file names its licence in line 1" licences
	check_silent "no line of a text file ends in blanks" \
		none '[[:space:]]+$' $(c_files) $(shell_files) Makefile Kbuild Kconfig
}

licences() {
	for file in $(c_files) $(shell_files); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || echo "$file"
	done
}

check_silent "checkpatch --strict" checkpatch
check_silent "no warning with W=1, nor by sparse, on 6.1" strict_build 6.1
check_silent "no warning with W=1, nor by sparse, on 6.12" strict_build 6.12
check_silent "kernel-doc -Wall -Werror" kernel_doc
check_silent "shellcheck" shellcheck_all
check_silent "the document of debugfs is in the kernel's form" abi_valid
check_silent "every file in debugfs is in that document" abi_complete
rules

totals
