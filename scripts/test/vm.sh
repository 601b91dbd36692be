#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# vm.sh   checks scripts/vm.sh, above all that a failure never looks like success
#
# panic.sh checks that a panic fails.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

debug=$(kernels_of debug | head -n 1)

# vm WANTED_STATUS NAME ARG...: runs vm.sh with ARGs, and stdin as $tmp/script.sh; its output is in $tmp/out.
vm() {
	want=$1
	name=$2
	shift 2
	cat >"$tmp/script.sh"
	status=0
	"$SCRIPTS/vm.sh" "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	test "$status" = "$want" || sed 's/^/# /' "$tmp/err" | tail -n 20
	t_is "$status" "$want" "$name"
}

splat=$("$SCRIPTS/build.sh" --module splat)
head -c 300000 /dev/urandom >"$tmp/blob"
newline='
'
# shellcheck disable=SC2016 # to arrive unchanged
vm 7 "the script's status is passed on" --add "$tmp/blob" "$tmp/script.sh" \
	'a b' "it's" '"$D" \n *' '' "x${newline}y" <<-'END'
	printf '<%s>' "$#" "$@"
	cat /blob
	exit 7
END
printf '%s' "<5><a b><it's><\"\$D\" \\n *><><x${newline}y>" >"$tmp/expected"
t_is "$(head -c "$(wc -c <"$tmp/expected")" "$tmp/out")" "$(cat "$tmp/expected")" "arguments arrive unchanged"
t_is "$(tail -c +$(($(wc -c <"$tmp/expected") + 1)) "$tmp/out" | sha256sum)" "$(sha256sum <"$tmp/blob")" \
	"300,000 random bytes arrive unchanged"

vm 125 "a kernel warning fails" --no-load --add "$splat" "$tmp/script.sh" <<-'END'
	insmod /splat.ko
	exit 0
END
# Hidden from the console: only the taint flag is left.
vm 125 "a kernel warning that is not in the log fails" --no-load --add "$splat" --append loglevel=0 "$tmp/script.sh" <<-'END'
	echo N >/sys/module/printk/parameters/ignore_loglevel
	dmesg -n 1
	insmod /splat.ko
	exit 0
END
vm 125 "a memory leak fails" --kernel "$debug" --no-load \
	--add "$("$SCRIPTS/build.sh" --kernel "$debug" --module splat)" "$tmp/script.sh" <<-'END'
	insmod /splat.ko leak=1
	exit 0
END
vm 126 "power off fails" "$tmp/script.sh" <<-'END'
	poweroff -f
END
vm 126 "a reset fails" "$tmp/script.sh" <<-'END'
	echo b >/proc/sysrq-trigger
	sleep 100
END
vm 124 "a module that does not load fails" --append module_blacklist=lvbs "$tmp/script.sh" <<-'END'
	exit 0
END
export LVBS_VM_TIMEOUT=12
vm 127 "a script that does not end fails" "$tmp/script.sh" <<-'END'
	sleep 1000
END

t_done
