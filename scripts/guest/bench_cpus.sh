# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# bench_cpus.sh   the part of scripts/bench.sh that wants several CPUs: prints lines as bench.sh does
set -eu
insmod /bench.ko cpus=1
cat /sys/kernel/debug/lvbs_bench/results
