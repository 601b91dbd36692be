# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suite_load_tools.sh [CHANGES]: suite_load.sh with the workloads that need Debian's tools.
#
# kernels: none
# suites: load
# vm: --mem 1536
# tools: debian
# shellcheck source=scripts/guest/suite_load.sh
. /suite_load.sh
