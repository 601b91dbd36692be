# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# fuzz.sh SEED FIRST_EPOCH EPOCHS COUNT [--trace]
#
# The guest's part of scripts/fuzz.sh: runs EPOCHS epochs of COUNT commands each.
#
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

seed=$1
epoch=$2
last=$(($2 + $3 - 1))
count=$4
shift 4

tally() {
	awk -v dir="$1" '$1 == "tally" && $2 == dir { for (i = 4; i <= NF; i += 2) n[$3 " " $i] += $(i + 1) }
		END { for (key in n) print key, n[key] }' /tmp/tally | sort
}

text_before=$(text_sum)
direct_map=$(direct_va 0)
: >/tmp/tally
while [ "$epoch" -le $last ]; do
	status=0
	/fuzz --seed "$seed" --epoch "$epoch" --count "$count" --direct-map "$direct_map" --coverage /tmp/coverage "$@" >/tmp/epoch 2>&1 || status=$?
	grep '^tally' /tmp/epoch >>/tmp/tally
	grep -v '^tally' /tmp/epoch
	if [ $status = 0 ]; then t_pass "epoch_$epoch"; else t_fail "epoch_$epoch" "status $status"; fi
	# The process is gone, and with it the files that a failed epoch left open.
	t_ok "epoch_${epoch}_rmmod" rmmod lvbs
	t_is "$(orphans)" 0 "epoch_${epoch}_no_orphaned_mapping"
	t_ok "epoch_${epoch}_insmod" insmod /lvbs.ko
	t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats" | tr '\n' ' ')" "live: 1 leaked: 0 " "epoch_${epoch}_only_log_is_mapped"
	[ $status = 0 ] || break
	epoch=$((epoch + 1))
done
t_is "$(text_sum)" "$text_before" text_unchanged

echo "Results of writes:"
tally write
echo "Results of reads:"
tally read
# A fuzzer whose commands are all refused tests argument checks only.
for file in phys/mem phys/span heki/load_kdata heki/patch_text heki/request ring/new ring/remove vtlcall write; do
	t_ok "writes_to_${file}_succeeded" grep -q "^tally write $file done" /tmp/tally
done
for errno in EINVAL ERANGE EOVERFLOW ENXIO EPERM EROFS EEXIST EBUSY EFAULT ENOENT EACCES ENOSYS; do
	t_ok "${errno}_was_returned" grep -q " $errno " /tmp/tally
done
if [ -e /tmp/coverage ]; then
	echo "coverage $(tr '\n' ' ' </tmp/coverage)"
fi
t_done
