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
# Programs with the names of an applet, and one without.
mkdir -p "$tmp/tools/bin"
printf '#!/bin/sh\necho "<added $*>"\n' >"$tmp/tools/bin/factor"
chmod +x "$tmp/tools/bin/factor"
cp "$tmp/tools/bin/factor" "$tmp/tools/bin/added-tool"
cp "$tmp/tools/bin/factor" "$tmp/cal"
newline='
'
# shellcheck disable=SC2016 # to arrive unchanged
vm 7 "the script's status is passed on" --add "$tmp/blob" --add "$tmp/tools" --add "$tmp/cal" "$tmp/script.sh" \
	'a b' "it's" '"$D" \n *' '' "x${newline}y" <<-'END'
	printf '<%s>' "$#" "$@"
	cal 1
	factor 2 "3  4"
	added-tool
	sh -c '. /lib.sh; factor 5'
	cat /blob
	exit 7
END
printf '%s' "<5><a b><it's><\"\$D\" \\n *><><x${newline}y><added 1>
<added 2 3  4>
<added >
<added 5>
" >"$tmp/expected"
t_is "$(head -c "$(wc -c <"$tmp/expected")" "$tmp/out")" "$(cat "$tmp/expected")" "arguments arrive unchanged, added programs are found before applets"
t_is "$(tail -c +$(($(wc -c <"$tmp/expected") + 1)) "$tmp/out" | sha256sum)" "$(sha256sum <"$tmp/blob")" \
	"300,000 random bytes arrive unchanged"

says_no_terminal() {
	! said=$("$SCRIPTS/shell.sh" </dev/null 2>&1) || return 1
	echo "$said"
	test "$(echo "$said" | wc -l)" = 1 && echo "$said" | grep -q 'scripts/vm.sh SCRIPT'
}

# Types a line at the first prompt of a shell, on a terminal of 33 rows and 101 columns.
type_line() {
	mkfifo "$tmp/keys"
	# shellcheck disable=SC2016 # the inner shell's
	LVBS_SHELL="$SCRIPTS/shell.sh --add $tmp/tools" timeout 300 script -q -e \
		-c 'stty rows 33 cols 101; $LVBS_SHELL' /dev/null <"$tmp/keys" >"$tmp/screen" &
	shell_pid=$!
	exec 7>"$tmp/keys"
	until grep -q ' # ' "$tmp/screen" || ! kill -0 "$shell_pid"; do
		sleep 0.1
	done
	printf '%s\r' "$1" >&7
	shell_status=0
	wait "$shell_pid" || shell_status=$?
	exec 7>&-
	cat "$tmp/screen"
	return "$shell_status"
}

t_ok "a shell without a terminal ends with a sentence" says_no_terminal
# shellcheck disable=SC2016 # for the guest's shell
t_ok "a shell on a terminal ends in order" type_line 'echo "<$(stty size)>" $(factor 6) $(ls $D); exit'
t_ok "its terminal has the size of ours" grep -q '<33 101>' "$tmp/screen"
t_ok "it finds added programs before applets" grep -q '<added 6>' "$tmp/screen"
t_ok "the module is loaded there" grep -q 'heki.*phys.*ring' "$tmp/screen"

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
