#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   shows what the module does on a live stock kernel; options as for vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

run "the demo, in a VM with a stock kernel" "$SCRIPTS/vm.sh" --module heki_client "$@" "$SCRIPTS/guest/demo.sh"
