# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Shared by every script here; sourced with $0 still that script's own path.

ROOT=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck disable=SC2034 # read by the scripts that source this file
SCRIPTS=$ROOT/scripts
# shellcheck disable=SC2034 # read by the scripts that source this file
BUILD=$ROOT/build
LVBS_CACHE=${LVBS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/lvbs}
export LVBS_CACHE
QEMU=${LVBS_QEMU:-qemu-system-x86_64}

# All talk goes to stderr: stdout belongs to results (a path, a guest's output).
say() {
	printf '%s\n' "$*" >&2
}

die() {
	say "${0##*/}: $*"
	exit 1
}

# run "what it does" CMD...: says so, and how long it took.
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

# with_lock FILE CMD...: one at a time across processes; the lock dies with its holder.
with_lock() {
	mkdir -p "$(dirname "$1")"
	(
		lock_file=$1
		shift
		if ! flock -n 9; then
			say "    waiting for another run that holds $lock_file"
			flock 9
		fi
		"$@"
	) 9>>"$1"
}

# make_once DIR CMD...: CMD fills a scratch folder ($1) that becomes DIR only when it succeeded,
# so a half-done download or build is never seen under the final name.
make_once() {
	with_lock "$1.lock" make_once_locked "$@"
}

make_once_locked() {
	once_dir=$1
	shift
	test -d "$once_dir" && return 0
	# Left by a run that was killed; the lock says that nobody is at work on it now.
	rm -rf "$once_dir.part"
	mkdir -p "$once_dir.part"
	"$@" "$once_dir.part" || return 1
	mv "$once_dir.part" "$once_dir"
}

# sync_tree FROM TO PATH...: makes TO's copies of PATHs equal to FROM's, touching only files whose
# content differs, so that make rebuilds only what changed.
sync_tree() {
	sync_from=$1
	sync_to=$2
	shift 2
	mkdir -p "$sync_to"
	(cd "$sync_from" && find "$@" -type f | sort) >"$sync_to/.synced.new"
	while IFS= read -r sync_file; do
		cmp -s "$sync_from/$sync_file" "$sync_to/$sync_file" && continue
		mkdir -p "$(dirname "$sync_to/$sync_file")"
		cp "$sync_from/$sync_file" "$sync_to/$sync_file"
	done <"$sync_to/.synced.new"
	if test -f "$sync_to/.synced"; then
		comm -23 "$sync_to/.synced" "$sync_to/.synced.new" | while IFS= read -r sync_file; do
			rm -f "$sync_to/$sync_file"
		done
	fi
	mv "$sync_to/.synced.new" "$sync_to/.synced"
}

# What a kernel build reads; each of these may not exist yet.
module_sources() {
	for source in Kbuild Kconfig include module kunit; do
		test ! -e "$ROOT/$source" || echo "$source"
	done
}

# apt_in SUITE CMD...: CMD (apt-get, apt-cache) with the system's own package lists (SUITE "system"),
# or with lists of that one suite kept in the cache: the system stays as it is.
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

# A new folder each week: archives drop what their newer lists no longer name.
apt_own_lists() {
	apt_own=$LVBS_CACHE/apt/$1-$(($(date +%s) / 604800))
	make_once "$apt_own" apt_make_lists "$1"
}

apt_make_lists() {
	# shellcheck disable=SC2016 # apt-get's variables
	apt_site=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
		sed -n 's/^Debian|//p' | head -n 1)
	apt_site=${LVBS_DEBIAN_SITE:-$apt_site}
	if test -z "$apt_site"; then
		say "no Debian archive among this system's apt sources: set LVBS_DEBIAN_SITE to the address of one"
		return 1
	fi
	mkdir -p "$2/lists" "$2/cache"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $apt_site $1 main" \
		>"$2/sources.list"
	apt_write_conf "$2" "$2"
	run "fetching the package list of $1" \
		env APT_CONFIG="$2/apt.conf" apt-get -qq -o APT::Sandbox::User=root update >&2 || return 1
	apt_write_conf "$2" "${2%.part}"
}

# apt_write_conf WHERE FINAL: names FINAL, as the folder is renamed when it is complete.
apt_write_conf() {
	cat >"$1/apt.conf" <<-END
		Dir::Etc::sourcelist "$2/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::Lists "$2/lists";
		Dir::Cache "$2/cache";
	END
}

# fetch_debs SUITE DIR PACKAGE...: downloads and unpacks into DIR, without installing anything.
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

kvm_works() {
	grep -q -E '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && test -w /dev/kvm
}

# qemu_accel [--icount]: the options with which this QEMU is sound. Before version 10 (7.2 at least) its
# emulation corrupts flags in cmpxchg16b, and with a thread per CPU it loses races with kernel code
# that patches itself.
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
