#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   shows on a live stock kernel what the module does; options as of vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

"$SCRIPTS/packages.sh" build vm
# The demo's VTL0, for the kernel that the options name.
kernel=6.1
for word in "$@"; do
	test "${before:-}" != --kernel || kernel=$word
	before=$word
done
client=$("$SCRIPTS/build.sh" --kernel "$kernel" --module heki_client)
run "the demo, in a VM with a stock kernel" "$SCRIPTS/vm.sh" --add "$client" "$@" \
	"$SCRIPTS/guest/demo.sh"
