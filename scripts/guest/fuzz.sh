# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# fuzz.sh SEED FIRST_EPOCH EPOCHS COUNT [--trace]: so many epochs of COUNT commands; see scripts/fuzz.sh
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

# Mappings made by code that is gone show their maker's bare address.
orphans() {
	awk '$3 ~ /^0x/ { n++ } END { print n + 0 }' /proc/vmallocinfo
}

tally() {
	awk -v dir="$1" '$1 == "tally" && $2 == dir { for (i = 4; i <= NF; i += 2) n[$3 " " $i] += $(i + 1) }
		END { for (key in n) print key, n[key] }' /tmp/tally | sort
}

text_before=$(text_sum)
: >/tmp/tally
while [ "$epoch" -le $last ]; do
	status=0
	/fuzz --seed "$seed" --epoch "$epoch" --count "$count" --coverage /tmp/coverage "$@" >/tmp/epoch 2>&1 || status=$?
	grep '^tally' /tmp/epoch >>/tmp/tally
	grep -v '^tally' /tmp/epoch
	if [ $status = 0 ]; then t_pass "epoch_$epoch"; else t_fail "epoch_$epoch" "status $status"; fi
	# All that a broken epoch leaves open is closed by now.
	t_ok "epoch_${epoch}_rmmod" rmmod lvbs
	t_is "$(orphans)" 0 "epoch_${epoch}_no_mapping_without_a_maker"
	t_ok "epoch_${epoch}_insmod" insmod /lvbs.ko
	t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats" | tr '\n' ' ')" "live: 1 leaked: 0 " "epoch_${epoch}_all_given_back"
	[ $status = 0 ] || break
	epoch=$((epoch + 1))
done
t_is "$(text_sum)" "$text_before" text_is_what_it_was

echo "How writes ended:"
tally write
echo "How reads ended:"
tally read
# A fuzzer that is turned away at every door tests doors only.
for file in phys/mem phys/span heki/load_kdata heki/patch_text heki/request ring/new ring/remove vtlcall write; do
	t_ok "some_writes_to_${file}_did_it" grep -q "^tally write $file done" /tmp/tally
done
for errno in EINVAL ERANGE EOVERFLOW ENXIO EPERM EROFS EEXIST EBUSY EFAULT ENOENT EACCES ENOSYS; do
	t_ok "$errno was seen" grep -q " $errno " /tmp/tally
done
if [ -e /tmp/coverage ]; then
	echo "coverage $(tr '\n' ' ' </tmp/coverage)"
fi
t_done
