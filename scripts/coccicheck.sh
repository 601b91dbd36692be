#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# coccicheck.sh   the kernel's semantic checks (scripts/coccinelle) over all C files here, a case each
#
# The kernel's own coccicheck passes whatever it finds; here a report is a failure.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

"$SCRIPTS/packages.sh" analysis
checks=$("$SCRIPTS/kernel.sh" --source 6.12)/scripts/coccinelle
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir "$tmp/src"
(cd "$ROOT" && cp -R include module kunit scripts/guest/modules "$tmp/src")

# What a check has to find, to know that checks do find something.
cat >"$tmp/control.c" <<'END'
int control(int *p)
{
	kfree(p);
	return *p;
}
END

# report CHECK PATH: what the check has to say of the sources, not of itself.
report() {
	# shellcheck disable=SC2046 # words
	spatch -D report --very-quiet --no-show-diff --cocci-file "$checks/$1" \
		$(sed -n 's|^// *Options: *||p' "$checks/$1") "$2" 2>&1 |
		grep -v '^warning: line .* should .* be a metavariable?$' || :
}

finds_use_after_free() {
	report free/kfree.cocci "$tmp/control.c" | grep 'control.c:4:'
}

check "coccicheck finds a use after free" finds_use_after_free
for file in "$checks"/*/*.cocci; do
	name=${file#"$checks"/}
	if grep -q '^@script:ocaml' "$file"; then
		echo "skipped, as it needs an OCaml compiler: $name"
	elif test "$name" = api/string_choices.cocci; then
		echo "skipped, as it asks for functions that 6.1 does not have: $name"
	else
		check_silent "coccicheck $name" report "$name" "$tmp/src"
	fi
done

totals
