#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# shell.sh [OPTION...]   the VM of the demo, interactive, module loaded; options as of vm.sh
set -eu
exec "$(dirname "$0")/vm.sh" "$@" --interactive
