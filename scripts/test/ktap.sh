# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Test cases, for scripts on the host (sourced after lib.sh and make_tmp) and in the guest (by its
# lib.sh). A case prints one line, "ok NAME" or "not ok NAME: why"; what a failed command printed comes
# before it, each line after a "#". t_done prints the totals; a test without them counts as crashed
# (scripts/test/part.sh).

t_passed=0
t_failed=0
t_out=${tmp:-/tmp}/.t_out
t_err=${tmp:-/tmp}/.t_err
# Run by t_done.
t_at_end=:

t_pass() {
	t_passed=$((t_passed + 1))
	echo "ok $1"
}

# t_fail NAME WHY
t_fail() {
	t_failed=$((t_failed + 1))
	echo "not ok $1: $2"
}

# t_run CMD...: sets t_status. CMD runs in this shell, and may set variables.
t_run() {
	t_status=0
	"$@" >"$t_out" 2>"$t_err" || t_status=$?
}

t_show() {
	cat "$t_out" "$t_err" | tail -n 60 | awk '{ print "# " $0 }'
}

# t_ok NAME CMD...: CMD succeeds.
t_ok() {
	t_name=$1
	shift
	t_run "$@"
	if test $t_status = 0; then
		t_pass "$t_name"
	else
		t_show
		t_fail "$t_name" "status $t_status from '$*'"
	fi
}

# t_silent NAME CMD...: CMD succeeds and prints nothing.
t_silent() {
	t_name=$1
	shift
	t_run "$@"
	if test $t_status = 0 && ! test -s "$t_out" && ! test -s "$t_err"; then
		t_pass "$t_name"
	else
		t_show
		t_fail "$t_name" "status $t_status, and output, from '$*'"
	fi
}

# t_fails ERRNO NAME CMD...: CMD fails with that errno.
t_fails() {
	t_errno=$1
	t_name=$2
	shift 2
	t_run "$@"
	if test $t_status = 0; then
		t_show
		t_fail "$t_name" "succeeded, want $t_errno: '$*'"
	elif grep -q -F "$(t_errno_text "$t_errno")" "$t_err"; then
		t_pass "$t_name"
	else
		t_show
		t_fail "$t_name" "status $t_status, want $t_errno: '$*'"
	fi
}

# t_is GOT WANT NAME
t_is() {
	if test "$1" = "$2"; then
		t_pass "$3"
	else
		t_fail "$3" "got '$(t_short "$1")', want '$(t_short "$2")'"
	fi
}

t_short() {
	printf '%s' "$1" | head -c 200 | tr '\n' ' '
}

# Shells and applets report an errno by its text only.
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

# Ends a test: prints the totals, and exits with the status that goes with them.
t_done() {
	$t_at_end
	echo "$t_passed passed, $t_failed failed"
	test $t_failed = 0 && test $t_passed -gt 0
	exit
}
