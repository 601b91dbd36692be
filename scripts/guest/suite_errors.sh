# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What users are told: README, usage, the ABI document, error_log, and refused module parameters.
# kernels: first
# full: debug
# files: Documentation/ABI/testing/debugfs-lvbs
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

log=$D/error_log

# last: the sentence of the newest line of the error log, and the word above the caret.
last() {
	tail -n 3 "$log" | awk '
	NR == 1 { sub(/^\[ *[0-9]+\.[0-9]+\] /, ""); sentence = $0 }
	NR == 2 { command = $0 }
	NR == 3 { word = substr(command, length($0)); sub(/ .*/, "", word) }
	END { print sentence " <" word ">" }'
}

# refused ERRNO FILE COMMAND SENTENCE WORD: the command fails, and the log says why and shows the word.
refused() {
	t_fails "$1" "$2: $3" put "$D/$2" "$3"
	t_is "$(last)" "$2: $1: $4 <$5>" "$2: $3: reason"
}

# ---- README and usage ----

(cd "$D" && find . -type f | sed 's,^\./,,; s,^ring/log/,ring/NAME/,' | sort) >/tmp/files
sed -n '/^[^ ][^ ]*  / { s/ .*//; p; }' "$D/README" | grep -v '^lvbs:' | sort >/tmp/listed
t_ok readme_lists_files test "$(grep -c / /tmp/listed)" -gt 15
t_is "$(diff /tmp/files /tmp/listed)" "" readme_lists_each_file_once
search() {
	(cd "$D" && find . -type f ! -name mem ! -name stream -exec grep -l "$@" {} +)
}
t_is "$(search 'KIND count')" "./README" search_of_all_other_files_ends
t_ok readme_has_usage grep -q '^ *KIND count|check|deny$' "$D/README"
t_is "$(cat "$D/ring/remove")" NAME usage_ring_remove
t_is "$(cat "$D/ring/new")" "NAME PAGES persistent|ondemand
NAME PA SIZE persistent|ondemand" usage_ring_new
t_is "$(cat "$D/heki/load_kdata")" "PA NRANGES" usage_load_kdata
t_is "$(cat "$D/heki/patch_text")" "PA0 PA1" usage_patch_text
t_is "$(cat "$D/heki/request")" "PA0 PA1 HEXBYTES" usage_request
t_is "$(cat "$D/phys/span")" "read OFFSET LEN PFN...
write OFFSET HEXBYTES PFN..." usage_span
span_after_usage() {
	# One open file: the usage, the request, the answer.
	exec 3<>"$D/phys/span" || return
	cat <&3 >/tmp/usage
	echo "read 0 2 $PFN" >&3 || return
	cat <&3 >/tmp/answer
	exec 3<&-
	[ "$(wc -l </tmp/usage)" = 2 ] && [ "$(cat /tmp/answer)" = 5a5a ]
}
page_new 2
t_ok span_answers_after_its_usage span_after_usage

# ---- the keys of status files ----

# documented FILE: the keys in the ABI document.
documented() {
	awk -v what="/sys/kernel/debug/lvbs/$1" '
	/^What:/ { inside = $2 == what }
	inside && /^\t\t  [A-Za-z_]+(\t|$)/ { print $1 }' /debugfs-lvbs | sort -u
}
kinds=$(cut -d ' ' -f 1 "$D/heki/policy" | tr '\n' '|')
# keys FILE: those in the file, with the placeholders of the document.
keys() {
	sed -nE "s/^([A-Za-z_0-9-]+): .*/\1/; t is; d; :is
		s/^refused_E[A-Z]+$/refused_ERRNO/
		s/^(accepted|refused)_[0-9a-z]+_.*/\1_STEP_REASON/
		s/^live_(${kinds%|})$/live_KIND/
		s/^(${kinds%|})$/KIND/
		p" "$1" | sort -u
}
put "$D/heki/request" "0x1000 0 cc" 2>/dev/null
t_is "$(keys "$D/phys/stats")" "$(documented phys/stats)" keys_of_phys_stats
t_is "$(keys "$D/ring/log/state")" "$(documented ring/NAME/state)" keys_of_ring_state
t_is "$(keys "$D/heki/verify")" "$(documented heki/verify)" keys_of_verify
# No request was accepted here.
t_is "$(keys "$D/heki/verdicts")" "$(documented heki/verdicts | grep -v accepted_STEP)" keys_of_verdicts
t_is "$(documented phys/stats | wc -l)" 7 document_is_read
echo >"$log"

# ---- the error log ----

t_is "$(cat "$log")" "" log_is_empty_at_first
put "$D/ring/new" quiet 1 persistent
t_is "$(cat "$log")" "" accepted_command_is_not_logged

refused EINVAL ring/new "" "NAME is missing" ""
refused EINVAL ring/new "a" "PAGES or PA is missing" ""
refused EINVAL ring/new "a many persistent" "PAGES or PA is not a number of 64 bits, decimal or hex with 0x" many
refused EINVAL ring/new "a 1" "persistent or ondemand is missing" ""
refused EINVAL ring/new "a 1 sometimes" "neither persistent nor ondemand" sometimes
refused EINVAL ring/new "a 1 persistent now" "too many words" now
refused EINVAL ring/new "a 0 persistent" "a ring cannot be empty" 0
refused EINVAL ring/new "a 0x1000 0 persistent" "a ring cannot be empty" 0
refused EINVAL ring/new "a/b 1 persistent" \
	"a name has 1 to 32 letters, digits, '_', '.', '-'; new and remove are taken" a/b
refused EEXIST ring/new "log 1 persistent" "the name is taken, or a frame belongs to another ring" log
refused EPERM ring/new "a $(head -n 1 "$D/phys/owned" | cut -d - -f 1) 64 persistent" \
	"VTL1 owns a frame, or boot has ended" "$(head -n 1 "$D/phys/owned" | cut -d - -f 1)"
refused ENOENT ring/remove nobody "no such ring" nobody
refused EBUSY ring/remove log "this is the module's own ring" log

owned=$(($(head -n 1 "$D/phys/owned" | cut -d - -f 1) / 4096))
protected=$(($(head -n 1 "$D/phys/protected" | cut -d - -f 1) / 4096))
hole=$(($(tail -n 1 "$D/phys/ram" | sed 's/.*-//') / 4096 + 1))
refused EINVAL phys/span "copy 1 2 3" "neither read nor write" copy
refused EINVAL phys/span "read 4096 1 $PFN" "not an offset in the first frame" 4096
refused ERANGE phys/span "read 0 4097 $PFN" "more bytes than the frames have" 4097
refused EINVAL phys/span "read 0 1" "PFN is missing" ""
refused EINVAL phys/span "read 0 1 $PFN 0xg" "PFN is not a number of 64 bits, decimal or hex with 0x" 0xg
refused EINVAL phys/span "write 0 abc $PFN" "HEXBYTES is not pairs of hex digits" abc
refused EEXIST phys/span "read 0 12288 ${PFNS} ${PFNS##* }" "a frame is named twice" "${PFNS##* }"
refused EPERM phys/span "read 0 8192 $PFN $owned" "VTL1 owns a frame, or boot has ended" "$owned"
refused EROFS phys/span "write 4095 0102 $PFN $protected" "a frame is protected" "$protected"
refused ENXIO phys/span "read 0 12288 $PFNS $hole" "no usable RAM there: a hole, a device, offline or poisoned" "$hole"
refused EOVERFLOW phys/span "read 0 8192 $PFN 0xffffffffffff" \
	"the address wraps, or exceeds the physical address width" 0xffffffffffff

refused ENOENT heki/request "$PA 0 cc" "no site is known there" "$PA"
refused EINVAL heki/request "$PA 0 000000000000" "not 1 to 5 bytes" 000000000000
refused EINVAL heki/end_of_boot 2 "only 1 can be written" 2
refused EINVAL heki/live sometimes "no mode, or one that a module forbids (see the kernel log)" sometimes
refused EINVAL heki/policy "nobody deny" "no such kind, or no policy of it (see the kernel log)" nobody
refused ENOSYS vtlcall "1 2 3 4" "no such VTL call" 1
refused EINVAL vtlcall "1 2 3" "A2 is missing" ""

t_is "$(grep -c '^\[' "$log")" 8 log_keeps_eight
awk '/^\[/ { sub(/^\[ */, ""); if ($1 + 0 < before) exit 1; before = $1 + 0 }' "$log"
t_is $? 0 newest_is_last
long=$(head -c 300 /dev/zero | tr '\000' x)
t_fails EINVAL long_command put "$D/ring/remove" "$long"
t_is "$(last)" "ring/remove: EINVAL: too long <>" long_command_reason
nul() {
	printf 'log\0' | dd of="$D/ring/remove" bs=4 conv=notrunc status=none
}
t_fails EINVAL nul_command nul
t_is "$(last)" "ring/remove: EINVAL: contains a NUL <log>" nul_command_reason
echo >"$log"
t_is "$(cat "$log")" "" write_clears
put "$D/ring/remove" nobody 2>/dev/null
: >"$log"
t_is "$(cat "$log")" "" truncation_clears

# ---- module parameters ----

# parameter_refused PARAMETER TEXT: insmod fails, and the kernel log says why.
parameter_refused() {
	t_fails EINVAL "$1" insmod /lvbs.ko "$1"
	t_ok "$1: reason" dmesg_has "$2"
}
dmesg_has() {
	dmesg | tail -n 4 | grep -qF "$1"
}
put "$D/ring/remove" quiet
t_ok rmmod_lvbs rmmod lvbs
parameter_refused log_pages=0 "parameter log_pages: 0 is too small"
parameter_refused owned=0x2000-0x1000 "parameter owned: '0x2000-0x1000' is not START-END"
parameter_refused owned=0x200000-0x20ffff,0x1001-0x1fff "parameter owned: '0x1001-0x1fff' is not whole pages"
parameter_refused owned=0x1000-0x2000 "parameter owned: '0x1000-0x2000' is not whole pages"
parameter_refused owned=here "parameter owned: 'here' is not START-END"
t_ok load_again insmod /lvbs.ko
t_done
