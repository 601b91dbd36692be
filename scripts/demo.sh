#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   shows what the module does on a live stock kernel; options as for vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# The test module has code for x86-64.
case " $* " in
*-arm64" "*) ;;
*) set -- --module heki_client "$@" ;;
esac
run "the demo, in a VM with a stock kernel" "$SCRIPTS/vm.sh" "$@" "$SCRIPTS/guest/demo.sh"
