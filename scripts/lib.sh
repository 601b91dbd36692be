# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Common code of the host's scripts. Source it first: it reads $0 and answers --help.

ROOT=$(cd "$(dirname "$0")" && until test -f scripts/lib.sh; do cd ..; done && pwd)
# shellcheck disable=SC2034 # used by the scripts that source this file
SCRIPTS=$ROOT/scripts
# shellcheck disable=SC2034 # used by the scripts that source this file
BUILD=$ROOT/build
cache_home=${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}
LVBS_CACHE=${LVBS_CACHE:-${cache_home:+$cache_home/lvbs}}
export LVBS_CACHE
QEMU=${LVBS_QEMU:-qemu-system-x86_64}

# stdout belongs to results (a path, a guest's output); messages go to stderr.
say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "${0##*/}: $*"
	exit 1
}

# usage: prints the head comment of the running script.
usage() {
	sed -n '4,$ { /^#/!q; s/^# \{0,1\}//; p; }' "$0"
}

# bad_usage WHAT: what is wrong with the command line.
bad_usage() {
	die "$* (see ${0##*/} --help)"
}

case ${1:-} in
--help | -h)
	usage
	exit
	;;
esac

# A user may have no home, or one that is not there.
{ test -n "$LVBS_CACHE" && mkdir -p "$LVBS_CACHE" 2>/dev/null && test -w "$LVBS_CACHE"; } ||
	die "cannot write to the cache '$LVBS_CACHE': set LVBS_CACHE to a directory that you can write to"
case $ROOT$LVBS_CACHE in
*[[:space:]:]*) die "make cannot handle blanks or colons in a path: move '$ROOT', or '$LVBS_CACHE' (LVBS_CACHE)" ;;
esac

# make_tmp: sets $tmp to a scratch directory that is removed when the script ends.
make_tmp() {
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/lvbs.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# kernels_of CLASS...: the kernels of these classes (scripts/kernels), in the file's order.
kernels_of() {
	awk -v classes=" $* " '!/^(#|$)/ && index(classes, " " $2 " ") { print $1 }' "$SCRIPTS/kernels"
}

# Where one kernel is enough, it is the first stock kernel.
default_kernel() {
	kernels_of stock | head -n 1
}

# run "what it does" CMD...: prints what is going on, and how long it took.
run() {
	run_what=$1
	shift
	say "--> $run_what"
	run_start=$(date +%s)
	run_status=0
	"$@" || run_status=$?
	say "    $(($(date +%s) - run_start)) s: $run_what$(test $run_status = 0 || echo " FAILED ($run_status)")"
	return $run_status
}

# with_lock FILE CMD...: serialises CMD across processes; the lock dies with its holder.
with_lock() {
	mkdir -p "${1%/*}"
	(
		lock_file=$1
		shift
		if ! flock -n 9; then
			say "    waiting for the lock $lock_file"
			flock 9
		fi
		"$@"
	) 9>>"$1"
}

# make_once DIR CMD...: CMD fills a scratch directory ($1), which is renamed to DIR only if CMD
# succeeds: a partial download or build is never seen under the final name.
make_once() {
	test ! -d "$1" || return 0
	with_lock "$1.lock" make_once_locked "$@"
}

make_once_locked() {
	once_dir=$1
	shift
	test ! -d "$once_dir" || return 0
	# Left by a run that was killed; nobody else holds the lock.
	rm -rf "$once_dir.part"
	mkdir -p "$once_dir.part"
	"$@" "$once_dir.part" || return 1
	mv "$once_dir.part" "$once_dir"
}

# sync_tree FROM TO PATH...: makes TO's copies of PATHs equal to FROM's. Files whose contents are
# unchanged are not touched, so that make rebuilds only what changed; what a build left among the
# sources stays.
sync_tree() {
	sync_from=$1
	sync_to=$2
	shift 2
	mkdir -p "$sync_to"
	(cd "$sync_from" && rsync --recursive --relative --checksum --delete \
		--filter='P *.mod.c' --filter='R *.[chS]' --filter='R */' --filter='P *' "$@" "$sync_to/") >/dev/null
}

# What a kernel build reads.
module_sources() {
	echo Kbuild Kconfig dkms.conf include module kunit
}

# arch_of KERNEL: the architecture of its packages; cross_of KERNEL: the prefix of the compiler's name.
arch_of() {
	case $1 in
	*-arm64) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

cross_of() {
	test "$(arch_of "$1")" != arm64 || echo aarch64-linux-gnu-
}

# use_ccache BASEDIR: puts ccache, if it is installed, in front of the compilers. Paths below BASEDIR, if it is
# not empty, do not count.
use_ccache() {
	test -d /usr/lib/ccache || return 0
	export PATH="/usr/lib/ccache:$PATH" CCACHE_DIR="$LVBS_CACHE/ccache" CCACHE_MAXSIZE=2G
	test -z "$1" || export CCACHE_BASEDIR="$1" CCACHE_NOHASHDIR=1
}

# kernel_cc KDIR [CROSS]: the make variables that choose the compiler that the kernel was built with; none if make finds
# it. CROSS is the prefix of a cross compiler's name.
kernel_cc() {
	if grep -q -s '^CONFIG_CC_IS_CLANG=y' "$1/.config"; then
		cc_version=$(sed -n 's/^CONFIG_CLANG_VERSION=\(.*\)....$/\1/p' "$1/.config")
		for cc_suffix in "-$cc_version" ""; do
			command -v "clang$cc_suffix" >/dev/null || continue
			if ! grep -q '^CONFIG_LD_IS_LLD=y' "$1/.config"; then
				echo "CC=clang$cc_suffix"
				return
			elif command -v "ld.lld$cc_suffix" >/dev/null; then
				echo "LLVM=${cc_suffix:-1}"
				return
			fi
		done
		die "the kernel of $1 was built by clang: install clang-$cc_version, lld-$cc_version and llvm-$cc_version"
	fi
	# The headers of a stock kernel name a version of gcc.
	cc=$(sed -n 's/^CC *=.*\(gcc-[0-9]*\)$/\1/p' "$1/.kernelvariables" 2>/dev/null) || :
	if test -z "$cc" || ! command -v "${2:-}$cc" >/dev/null; then
		command -v "${2:-}gcc" >/dev/null || die "the kernel of $1 was built by gcc: install ${cc:-gcc}"
		test -z "$cc" || echo "CC=${2:-}gcc"
	fi
	test -z "${2:-}" || echo "CROSS_COMPILE=$2"
}

# config_says WORD FILE...: what these fragments of a kernel configuration say in lines "# WORD: ...".
config_says() {
	config_word=$1
	shift
	sed -n "s/^# $config_word: //p" "$@" | tr '\n' ' '
}

# config_compiler FILE...: the version of the compiler that these fragments choose.
config_compiler() {
	case " $(config_says make "$@")" in
	*" LLVM=-"*) "clang-$(config_says make "$@" | sed 's/.*LLVM=-\([0-9]*\).*/\1/')" --version ;;
	*) gcc --version ;;
	esac
}

# apt_in SUITE CMD...: runs CMD (apt-get, apt-cache) with the system's package lists (SUITE "system"), or with
# lists of one suite in the cache, of another architecture if SUITE is NAME:ARCH. Changes nothing of the system.
apt_in() {
	apt_suite=$1
	shift
	if test "$apt_suite" = system; then
		"$@"
	else
		apt_own_lists "$apt_suite" &&
			APT_CONFIG="$apt_own/apt.conf" "$@"
	fi
}

# A new directory each week: archives drop packages that their newer lists no longer name.
apt_own_lists() {
	apt_own=$LVBS_CACHE/apt/$(echo "$1" | tr : -)-$(($(date +%s) / 604800))
	make_once "$apt_own" apt_make_lists "$1"
}

# debian_site: prints the address of the Debian archive.
debian_site() {
	# shellcheck disable=SC2016 # apt-get's variables
	debian_site=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | head -n 1)
	debian_site=${LVBS_DEBIAN_SITE:-$debian_site}
	if test -z "$debian_site"; then
		say "no Debian archive in this system's apt sources: set LVBS_DEBIAN_SITE to the address of one"
		return 1
	fi
	echo "$debian_site"
}

apt_make_lists() {
	apt_site=$(debian_site) || return 1
	mkdir -p "$2/lists" "$2/cache"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $apt_site ${1%:*} main" \
		>"$2/sources.list"
	case $1 in
	*:*) echo "APT::Architecture \"${1#*:}\"; APT::Architectures { \"${1#*:}\"; };" >"$2/arch.conf" ;;
	*) : >"$2/arch.conf" ;;
	esac
	apt_write_conf "$2" "$2"
	run "fetching the package list of $1" \
		env APT_CONFIG="$2/apt.conf" apt-get -qq -o APT::Sandbox::User=root update >&2 || return 1
	apt_write_conf "$2" "${2%.part}"
}

# apt_write_conf WHERE FINAL: writes paths below FINAL, the directory's name once it is complete.
apt_write_conf() {
	cp "$1/arch.conf" "$1/apt.conf"
	cat >>"$1/apt.conf" <<-END
		Dir::Etc::sourcelist "$2/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::Lists "$2/lists";
		Dir::Cache "$2/cache";
	END
}

# fetch_debs SUITE DIR PACKAGE...: downloads packages and unpacks them into DIR. Installs nothing.
fetch_debs() {
	debs_suite=$1
	debs_dir=$2
	shift 2
	mkdir -p "$debs_dir/debs"
	(cd "$debs_dir/debs" &&
		apt_in "$debs_suite" run "downloading $*" \
			apt-get -qq -o APT::Sandbox::User=root download "$@" >&2) || return 1
	for deb in "$debs_dir"/debs/*.deb; do
		dpkg -x "$deb" "$debs_dir" || return 1
	done
	rm -rf "$debs_dir/debs"
}

# The names of the KUnit suites in the sources.
kunit_suites() {
	find "$ROOT/kunit" -name '*_test.c' -exec sed -n 's/^\t\.name = "\(lvbs_.*\)",$/\1/p' {} + | sort
}

kvm_works() {
	grep -q -E '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && test -w /dev/kvm
}

# qemu_accel [--icount]: accelerator and CPU options. Before version 10 (7.2 at least), QEMU's emulation corrupts
# flags in cmpxchg16b, and with a thread per CPU it loses races with a kernel that patches its own code.
qemu_accel() {
	qemu_version=$("$QEMU" --version | sed -n '1s/.*version \([0-9]*\).*/\1/p')
	qemu_cpu=max
	qemu_thread=
	if test "$qemu_version" -lt 10; then
		qemu_cpu=max,cx16=off
		qemu_thread=,thread=single
	fi
	if test "${1:-}" = --icount; then
		echo "-accel tcg,thread=single -icount shift=0,sleep=off -cpu $qemu_cpu"
	elif kvm_works; then
		echo "-accel kvm -cpu host"
	else
		echo "-accel tcg$qemu_thread -cpu $qemu_cpu"
	fi
}
