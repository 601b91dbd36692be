#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vm-test.sh   checks that vm.sh keeps its word, above all that nothing broken looks like success
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# vm WANTED_STATUS NAME OPTION... -- ARG...: runs the script on stdin; its output is in $tmp/out.
vm() {
	want=$1
	name=$2
	shift 2
	cat >"$tmp/script.sh"
	status=0
	"$SCRIPTS/vm.sh" "$@" "$tmp/script.sh" >"$tmp/out" 2>"$tmp/err" || status=$?
	test "$status" = "$want" || tail -n 20 "$tmp/err"
	is "$status" "$want" "$name"
}

splat=$("$SCRIPTS/build.sh" --module splat)
head -c 300000 /dev/urandom >"$tmp/blob"

vm 7 "the script's status comes through" --add "$tmp/blob" <<-'END'
	cat /blob
	exit 7
END
is "$(sha256sum <"$tmp/out")" "$(sha256sum <"$tmp/blob")" "300,000 random bytes arrive unchanged"

cat >"$tmp/args.sh" <<-'END'
	printf '<%s>' "$#" "$@"
END
newline='
'
# shellcheck disable=SC2016 # to arrive as it is
is "$("$SCRIPTS/vm.sh" "$tmp/args.sh" 'a b' "it's" '"$D" \n *' '' "x${newline}y")" \
	"<5><a b><it's><\"\$D\" \\n *><><x${newline}y>" "arguments arrive unchanged"

vm 125 "a warning in the kernel is no success" --no-load --add "$splat" <<-'END'
	insmod /splat.ko
	exit 0
END
# Hidden from the console, so that only the taint flag is left to tell.
vm 125 "a warning that the log does not show is no success" --no-load --add "$splat" --append loglevel=0 <<-'END'
	echo N >/sys/module/printk/parameters/ignore_loglevel
	dmesg -n 1
	insmod /splat.ko
	exit 0
END
vm 125 "a leak is no success" --kernel 6.1-debug --no-load \
	--add "$("$SCRIPTS/build.sh" --kernel 6.1-debug --module splat)" <<-'END'
	insmod /splat.ko leak=1
	exit 0
END
vm 125 "a panic is no success" <<-'END'
	echo c >/proc/sysrq-trigger
	exit 0
END
vm 126 "a VM that goes away is no success" <<-'END'
	poweroff -f
END
vm 126 "a reset is no success" <<-'END'
	echo b >/proc/sysrq-trigger
	sleep 100
END
vm 124 "a module that does not load is no success" --append module_blacklist=lvbs <<-'END'
	exit 0
END
export LVBS_VM_TIMEOUT=15
vm 127 "an endless script is no success" <<-'END'
	while :; do :; done
END

totals
