#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# shell.sh [OPTION...]   an interactive shell in the VM of the demo, module loaded; options as for vm.sh
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

exec "$SCRIPTS/vm.sh" "$@" --interactive
