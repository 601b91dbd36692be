# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_load_one_cpu.sh [CHANGES]: suite_load.sh on a kernel that booted with one CPU, and gets another under load: lock
# prefixes are switched.
#
# kernels: none
# full: stock next
# suites: load
# vm: --append maxcpus=1 --mem 1024
# shellcheck source=scripts/guest/suite_load.sh
. /suite_load.sh
