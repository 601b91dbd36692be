#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# version.sh   prints the version, which dkms.conf states; fails if the module or CHANGELOG.md states another one
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
test -n "$version" || die "dkms.conf has no PACKAGE_VERSION"

# states FILE VERSION
states() {
	test "$2" = "$version" || die "$1 states version '$2', dkms.conf '$version': make them equal"
}

states "the module (MODULE_VERSION)" "$(grep -rh '^MODULE_VERSION(' module | sed 's/.*"\(.*\)".*/\1/')"
states CHANGELOG.md "$(sed -n 's/^## \([0-9][0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)"
echo "$version"
