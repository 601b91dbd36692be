#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   shows on a live stock kernel what the module does; options as of vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

"$SCRIPTS/packages.sh" build vm
run "the demo, in a VM with a stock kernel" "$SCRIPTS/vm.sh" "$@" "$SCRIPTS/guest/demo.sh"
