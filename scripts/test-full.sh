# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# The long runs: sourced by test.sh --full, with its functions.

soak() { LVBS_VM_TIMEOUT=1800 suite "$SCRIPTS/guest/suite_soak.sh" "$1" 2000000; }

for kernel in 6.1 6.12; do
	part "soak-2000000-$kernel" soak "$kernel"
done
