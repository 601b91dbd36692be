#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# demo.sh [OPTION...]   shows what the module does on a live stock kernel; options as for vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

"$SCRIPTS/packages.sh" build vm
# The client module must be for the kernel that the options name.
kernel=$(default_kernel)
before=
for word in "$@"; do
	test "$before" != --kernel || kernel=$word
	before=$word
done
client=$("$SCRIPTS/build.sh" --kernel "$kernel" --module heki_client)
run "the demo, in a VM with a stock kernel" "$SCRIPTS/vm.sh" --add "$client" "$@" \
	"$SCRIPTS/guest/demo.sh"
