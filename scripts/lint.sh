#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# lint.sh [CASE...]   style, static checks and the rules of the architecture
#
# CASE is one of: style build headers doc shell help abi docs rules. Without any: all.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"
cd "$ROOT"

"$SCRIPTS/packages.sh" lint
tree=$("$SCRIPTS/kernel.sh" --source "$(default_kernel)")

c_files() {
	find include module kunit scripts/guest/modules -name '*.[ch]' ! -name '*.mod.c' | sort
}

shell_files() {
	find scripts -type f \( -name '*.sh' -o -name init \) | sort
}

# unchecked NAME KEY CMD...: passes those of the files on stdin to CMD that are not the same as when CMD last passed,
# or all if KEY is not. For slow tools that look at each file for itself.
unchecked() {
	clean=$BUILD/lint/$1-$(printf '%s' "$2" | sha256sum | cut -c 1-16)
	shift 2
	mkdir -p "$BUILD/lint"
	touch "$clean"
	xargs -r sha256sum >"$tmp/files"
	grep -vxF -f "$clean" "$tmp/files" | sed 's/.*  //' >"$tmp/changed" || :
	"$@" <"$tmp/changed" || return 1
	cp "$tmp/files" "$clean"
}

# checkpatch_but TYPES: checks the files on stdin, on all CPUs.
checkpatch_but() {
	# Macros that take a type name an argument twice and evaluate it once; a comparison of versions looks like a
	# constant on the left; unknown VTL calls get ENOSYS. The rule on LINUX_VERSION_CODE below says where it may
	# be used.
	ignore=LINUX_VERSION_CODE,MACRO_ARG_REUSE,CONSTANT_COMPARISON,ENOSYS,$1
	unchecked checkpatch "$ignore $(cat "$tree/scripts/checkpatch.pl")" xargs -r -P "$(nproc)" -n 20 perl "$tree/scripts/checkpatch.pl" --strict --no-tree --no-summary --quiet --terse \
		--show-types --ignore "$ignore" -f
}

checkpatch() {
	# The kernel's functions for page flags have camel-case names. Tracepoints are laid out as in the kernel, which
	# checkpatch takes for unfinished calls. The name of a struct's member takes no parentheses.
	names=__SetPage
	layout=TRACE_INCLUDE_FILE
	member='define KUNIT_ARRAY_PARAM_DESC'
	status=0
	c_files | xargs grep -L -e "$names" -e "$layout" -e "$member" | checkpatch_but "" || status=1
	c_files | xargs grep -l -e "$names" | checkpatch_but CAMELCASE || status=1
	c_files | xargs grep -l -e "$member" | checkpatch_but MACRO_ARG_PRECEDENCE || status=1
	c_files | xargs grep -l -e "$layout" | checkpatch_but OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT,SPACING || status=1
	return "$status"
}

# One build for compiler and sparse. Of sparse, only what it reports about these sources: it also warns about the
# kernel's own headers. C=1 checks what is compiled; scripts/build.sh starts over after a warning.
strict_build() {
	"$SCRIPTS/build.sh" --kernel "$1" KCFLAGS=-Werror W=1 C=1 >/dev/null 2>"$tmp/build" || {
		cat "$tmp/build"
		return 1
	}
	! grep -E "^$BUILD/.*: (warning|error): " "$tmp/build"
}

# headers_alone KERNEL: each public header compiles as the only one in a file.
headers_alone() {
	headers_kdir=$(realpath "$("$SCRIPTS/kernel.sh" "$1")/headers")
	headers_out=$BUILD/headers-$1
	rm -rf "$headers_out"
	mkdir -p "$headers_out"
	for header in include/lvbs/*.h; do
		name=$(basename "$header" .h)
		echo "#include <lvbs/$name.h>" >"$headers_out/$name.c"
		echo "obj-m += $name.o"
	done >"$headers_out/Kbuild"
	# shellcheck disable=SC2046 # words
	make -C "$headers_kdir" M="$headers_out" --no-print-directory -k -O -j"$(nproc)" KCFLAGS=-Werror \
		KCPPFLAGS="-I$ROOT/include" $(kernel_cc "$headers_kdir") \
		$(sed 's/obj-m += //' "$headers_out/Kbuild") >"$headers_out/make.log" 2>&1 || {
		cat "$headers_out/make.log"
		return 1
	}
}

# The newest kernel's kernel-doc knows the most warnings.
kernel_doc() {
	# shellcheck disable=SC2046 # paths without blanks
	perl "$("$SCRIPTS/kernel.sh" "$(kernels_of stock | tail -n 1)")"/usr/lib/linux-kbuild-*/scripts/kernel-doc \
		-none -Wall -Werror $(find include module -name '*.h' | sort)
}

# head_of SCRIPT: the comment after the licence, without "# ".
head_of() {
	awk 'NR < 4 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$1"
}

# Prints the scripts whose --help is not their head, and those that people call if they do not name --help when an option
# is unknown.
help_missing() {
	find scripts -name '*.sh' -perm /111 | sort | while read -r script; do
		"$script" --help >"$tmp/help" 2>&1 </dev/null || echo "$script: --help fails"
		head_of "$script" | cmp -s - "$tmp/help" && head -n 1 "$tmp/help" | grep -q "^${script##*/}" ||
			echo "$script: --help does not print its head"
		case ${script#scripts/} in
		*/*) continue ;;
		esac
		! "$script" --no-such-option >/dev/null 2>"$tmp/said" </dev/null ||
			echo "$script: succeeds with an unknown option"
		tail -n 2 "$tmp/said" | grep -q -e '--no-such-option.*(see .* --help)' ||
			echo "$script: does not name --help when an option is unknown"
	done
}

# Prints to stderr; its status is always 0.
abi_valid() {
	perl "$tree/scripts/get_abi.pl" --dir Documentation/ABI validate
}

# The files that the code creates, and their modes, are those in the document.
abi_complete() {
	{
		grep -hoE '(\{ |debugfs_create_file(_unsafe)?\()"[A-Za-z_]+", 0[46]00, ' module/debugfs/*.c |
			sed 's/^[^"]*"//; s/", 0400, / RO/; s/", 0600, / W/'
		awk '/^What:/ { sub(".*/", ""); name = $0 }
			/^\t\t\((RO|RW|WO)\)/ { print name, $1 == "(RO)" ? "RO" : "W" }' \
			Documentation/ABI/testing/debugfs-lvbs
	} | sort | uniq -u
}

shellcheck_all() {
	# SC2317: suites pass functions to t_ok and t_fails, which shellcheck takes for dead code.
	# The key: what other files source.
	{ shell_files && echo .ci/run; } | unchecked shellcheck "$(cat scripts/lib.sh scripts/test/ktap.sh scripts/guest/[a-r]*.sh)" \
		xargs -r -P "$(nproc)" -n 8 shellcheck -x -e SC2317
}

# none REGEX FILE...: no line of code matches; comments may.
none() {
	regex=$1
	shift
	test $# != 0 || return 0
	! grep -nE "$regex" "$@" /dev/null | grep -vE '^[^:]*:[0-9]*:[[:space:]]*(\*|/\*|//)'
}

# files DIR... -- EXCEPT...: the C files below DIRs without those.
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

# Each directory of module/ includes only those below it: debugfs, live, heki, ring, phys.
includes_go_down() {
	above=
	for dir in debugfs live heki ring phys; do
		for upper in $above; do
			! grep -rnE "#[[:space:]]*include \"(\.\./|module/)?$upper/" "module/$dir" || return 1
		done
		above="$above $dir"
	done
}

licences() {
	for file in $(c_files) $(shell_files); do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || echo "$file"
	done
}

# The classes of scripts/kernels say which kernels there are: scripts do not name any.
# shellcheck disable=SC2046 # paths without blanks
no_kernel_names() {
	! grep -nE '(^|[^0-9.])[0-9]+\.[0-9]+-(debug|kcsan|rt|arm64)([^a-z]|$)|--kernel [0-9]|^# kernels: .*[0-9]' \
		$(shell_files) /dev/null | grep -vE '^[^:]*:[0-9]*:[[:space:]]*# [^k]'
}

# shellcheck disable=SC2046 # paths without blanks, all below
rules() {
	t_silent "public headers include <linux/...> and <lvbs/...> only" public_includes
	t_silent "a directory of module/ includes only those below it" includes_go_down
	t_silent "LINUX_VERSION_CODE is used in compat.h only" \
		none '(LINUX_VERSION_CODE|KERNEL_VERSION\()' $(files include module kunit -- module/compat.h)
	t_silent "only phys/vmap_manager.c and phys/windows.c call vmap() and vunmap()" \
		none '(^|[^A-Za-z0-9_>.])(vmap|vunmap|vm_map_ram|vm_unmap_ram)\(' \
		$(files include module -- module/phys/vmap_manager.c module/phys/windows.c module/compat.h)
	t_silent "only phys/windows.c changes page tables" \
		none '(^|[^A-Za-z0-9_>.])(lookup_address|__pte|set_pte[a-z_]*|set_memory_[a-z]*)\(' \
		$(files include module -- module/phys/windows.c)
	t_silent "only text patches and rings bypass protection" \
		none 'vmap_manager_privileged' $(find module -name '*.[ch]' ! -path 'module/heki/*' \
		! -path 'module/ring/*' ! -name 'vmap_manager*')
	t_silent "debugfs files call no vmap manager operation" \
		none '(->|\.)(vmap|vunmap|validate_unowned|protect)\(' $(find module/debugfs -name '*.c')
	t_silent "kunit/ includes no source file of module/" \
		none '#[[:space:]]*include.*\.c[">]' $(files kunit --)
	t_silent "every source file has its licence in the first lines" licences
	t_silent "no trailing blanks" \
		none '[[:space:]]+$' $(c_files) $(shell_files) Makefile Kbuild Kconfig
	t_silent "no script names a kernel that scripts/kernels has" no_kernel_names
}

# case_NAME: the cases of that name.
case_style() { t_silent "checkpatch --strict" checkpatch; }
case_build() {
	for kernel in $(kernels_of stock); do
		t_silent "no warning with W=1, nor from sparse, on $kernel" strict_build "$kernel"
	done
}
case_headers() {
	for kernel in $(kernels_of stock); do
		t_silent "each public header compiles alone, on $kernel" headers_alone "$kernel"
	done
}
case_doc() { t_silent "kernel-doc -Wall -Werror" kernel_doc; }
case_shell() { t_silent "shellcheck" shellcheck_all; }
case_help() { t_silent "--help prints the head of each script, and unknown options name it" help_missing; }
case_abi() {
	t_silent "the debugfs document has the kernel's format" abi_valid
	t_silent "every debugfs file is in the document" abi_complete
}
case_docs() {
	test ! -f "$SCRIPTS/docs.sh" || t_ok "the documentation builds without a warning" "$SCRIPTS/docs.sh"
}
case_rules() { rules; }

test $# != 0 || set -- style build headers doc shell help abi docs rules
for name in "$@"; do
	case $name in
	style | build | headers | doc | shell | help | abi | docs | rules) "case_$name" ;;
	*) bad_usage "no case '$name'" ;;
	esac
done

t_done
