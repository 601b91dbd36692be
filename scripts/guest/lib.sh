# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For scripts that run in the VM (". /lib.sh"). Tests print a line a case, "ok NAME" or
# "not ok NAME: why", and t_done prints the totals, without which a suite counts as crashed.

t_passed=0
t_failed=0
t_err=/tmp/.t_err

t_pass() {
	t_passed=$((t_passed + 1))
	echo "ok $1"
}

# t_fail NAME WHY
t_fail() {
	t_failed=$((t_failed + 1))
	echo "not ok $1: $2"
}

# t_ok NAME CMD...: CMD succeeds.
t_ok() {
	t_name=$1
	shift
	t_status=0
	"$@" >/tmp/.t_out 2>"$t_err" || t_status=$?
	if [ $t_status = 0 ]; then
		t_pass "$t_name"
	else
		t_fail "$t_name" "status $t_status from '$*': $(head -c 300 "$t_err" /tmp/.t_out | tr '\n' ' ')"
	fi
}

# t_is GOT WANT NAME
t_is() {
	if [ "$1" = "$2" ]; then
		t_pass "$3"
	else
		t_fail "$3" "got '$(t_short "$1")', want '$(t_short "$2")'"
	fi
}

t_short() {
	printf '%s' "$1" | head -c 200 | tr '\n' ' '
}

# Shells and applets report an errno only by its text.
t_errno_text() {
	case $1 in
	EPERM) echo "Operation not permitted" ;;
	ENOENT) echo "No such file or directory" ;;
	EIO) echo "Input/output error" ;;
	ENXIO) echo "No such device or address" ;;
	EAGAIN) echo "Resource temporarily unavailable" ;;
	ENOMEM) echo "Cannot allocate memory" ;;
	EACCES) echo "Permission denied" ;;
	EFAULT) echo "Bad address" ;;
	EBUSY) echo "Device or resource busy" ;;
	EEXIST) echo "File exists" ;;
	ENODEV) echo "No such device" ;;
	EINVAL) echo "Invalid argument" ;;
	EFBIG) echo "File too large" ;;
	ENOSPC) echo "No space left on device" ;;
	EROFS) echo "Read-only file system" ;;
	ERANGE) echo "Numerical result out of range" ;;
	ENAMETOOLONG) echo "File name too long" ;;
	ENOSYS) echo "Function not implemented" ;;
	EOVERFLOW) echo "Value too large for defined data type" ;;
	ENOTSUPP | EOPNOTSUPP) echo "Operation not supported" ;;
	*) echo "(no text known for $1)" ;;
	esac
}

# t_fails ERRNO NAME CMD...: CMD fails, and with that errno.
t_fails() {
	t_want=$(t_errno_text "$1")
	t_errno=$1
	t_name=$2
	shift 2
	t_status=0
	"$@" >/tmp/.t_out 2>"$t_err" || t_status=$?
	if [ $t_status = 0 ]; then
		t_fail "$t_name" "succeeded, want $t_errno: '$*'"
	elif grep -q -F "$t_want" "$t_err"; then
		t_pass "$t_name"
	else
		t_fail "$t_name" "want $t_errno, got status $t_status: $(head -c 300 "$t_err" | tr '\n' ' ')"
	fi
}

# Ends a suite: totals, and the status that goes with them.
t_done() {
	pages_free
	echo "$t_passed passed, $t_failed failed"
	[ $t_failed = 0 ] && [ $t_passed -gt 0 ]
	exit
}

# put FILE WORD...: one write() of the words and a newline; fails with its errno's text.
put() {
	put_file=$1
	shift
	echo "$*" >"$put_file"
}

# unhex HEX: the bytes.
unhex() {
	printf '%s' "$1" | xxd -r -p
}

# mem_read PA LEN: physical memory as hex digits, by one read().
mem_read() {
	dd if="$D/phys/mem" of=/tmp/.mem bs="$(($2))" skip="$(($1))" count=1 iflag=skip_bytes status=none || return
	xxd -p /tmp/.mem | tr -d '\n'
}

# mem_write PA HEX: by one write().
mem_write() {
	unhex "$2" >/tmp/.mem
	dd if=/tmp/.mem of="$D/phys/mem" bs="$((${#2} / 2))" seek="$(($1))" count=1 oflag=seek_bytes \
		conv=notrunc status=none
}

# Real memory that a script may do with as it likes: pages of an idle process' stack that the process
# itself never comes to.
#
# page_new [N]: sets PAGE_PID, PAGE_VA, PFNS (N frame numbers), and of the first page PFN and PA.
# The pages start out filled with the byte 0x5a. At most 16 pages a process.
page_new() {
	page_count=${1:-1}
	/bin/sleep 1000000 &
	PAGE_PID=$!
	page_pids="$page_pids $PAGE_PID"
	# Between fork and exec the stack is still this shell's.
	until grep -q '^/bin/sleep' "/proc/$PAGE_PID/cmdline"; do :; done
	PAGE_VA=$((0x$(grep -F '[stack]' "/proc/$PAGE_PID/maps" | cut -d - -f 1)))
	head -c $((page_count * 4096)) /dev/zero | tr '\000' 'Z' >/tmp/.page
	dd if=/tmp/.page of="/proc/$PAGE_PID/mem" bs=4096 seek=$((PAGE_VA / 4096)) conv=notrunc status=none || return
	PFNS=
	page_index=0
	while [ $page_index -lt "$page_count" ]; do
		PFNS="$PFNS $(page_pfn "$PAGE_PID" $((PAGE_VA + page_index * 4096)))"
		page_index=$((page_index + 1))
	done
	PFNS=${PFNS# }
	PFN=${PFNS%% *}
	# shellcheck disable=SC2034 # for the script that sources this file
	PA=$(printf '0x%x' $((PFN * 4096)))
	[ $((PFN)) != 0 ]
}
page_pids=

# page_pfn PID VA: the frame behind a process' address.
page_pfn() {
	# shellcheck disable=SC2046 # two numbers: the low and the high half of an entry
	set -- $(dd if="/proc/$1/pagemap" bs=8 skip=$(($2 / 4096)) count=1 status=none | hexdump -v -e '2/4 "%u "')
	# Bits 0 to 54 are the frame, bit 63 says that there is one.
	[ $(($2 >> 31)) = 1 ] && printf '0x%x\n' $(($1 + (($2 & 0x7fffff) << 32)))
}

# page_read OFFSET LEN: what the owner of the last page_new sees there, as hex digits.
page_read() {
	dd if="/proc/$PAGE_PID/mem" bs="$(($2))" skip=$((PAGE_VA + $1)) count=1 iflag=skip_bytes status=none |
		xxd -p | tr -d '\n'
}

# page_write OFFSET HEX: as the owner would.
page_write() {
	unhex "$2" | dd of="/proc/$PAGE_PID/mem" bs="$((${#2} / 2))" seek=$((PAGE_VA + $1)) count=1 \
		oflag=seek_bytes conv=notrunc status=none
}

pages_free() {
	for page_pid in $page_pids; do
		kill "$page_pid"
	done
	page_pids=
}

# A demo is a list of steps; each shows what it runs, and must do what it says.
#
# step "WORDS", then show CMD... (printed, run, must succeed), expect "WORDS" CMD... (the same without
# printing the command), demo_done.
step_count=0

step() {
	step_count=$((step_count + 1))
	printf '\n%s. %s\n' "$step_count" "$*"
}

show() {
	# What needs a pipe comes as one word after eval.
	if [ "$1" = eval ]; then echo "   \$ $2"; else echo "   \$ $*"; fi
	show_status=0
	"$@" >/tmp/.show 2>&1 || show_status=$?
	show_output
	[ $show_status = 0 ] || demo_failed "'$*' ended with status $show_status"
}

show_output() {
	# The last line may lack its end.
	[ ! -s /tmp/.show ] || [ -z "$(tail -c 1 /tmp/.show)" ] || echo >>/tmp/.show
	sed 's/^/     /' /tmp/.show
}

expect() {
	expect_words=$1
	shift
	if "$@" >/tmp/.show 2>&1; then
		echo "   -> $expect_words"
	else
		show_output
		demo_failed "not so: $expect_words"
	fi
}

demo_failed() {
	echo "   FAILED: $*"
	pages_free
	exit 1
}

demo_done() {
	pages_free
	printf '\nAll %s steps did what they say.\n' "$step_count"
	exit 0
}
