# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_load_smp4.sh [CHANGES]: suite_load_tools.sh on 4 CPUs.
#
# kernels: none
# suites: load
# vm: --smp 4 --mem 1536
# tools: debian
# shellcheck source=scripts/guest/suite_load.sh
. /suite_load.sh
