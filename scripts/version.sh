#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# version.sh   prints the version, which dkms.conf states; fails if CHANGELOG.md has no dated section for it
#
# The module and the Debian package take theirs from dkms.conf.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
test $# = 0 || bad_usage "unknown argument $1"
cd "$ROOT"

version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
test -n "$version" || die "dkms.conf has no PACKAGE_VERSION"
newest=$(sed -n '/^## Unreleased$/d; s/^## //p' CHANGELOG.md | head -n 1)
echo "$newest" | grep -q -x -F -e "$version ($(echo "$newest" | grep -oE '[0-9]{4}-[0-9]{2}-[0-9]{2}'))" ||
	die "the newest release in CHANGELOG.md is '$newest', want '$version (YYYY-MM-DD)' as in dkms.conf"
echo "$version"
