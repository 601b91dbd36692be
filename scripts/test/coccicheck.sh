#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# coccicheck.sh   runs the kernel's semantic checks (scripts/coccinelle) on all C files, a case each
#
# Unlike in the kernel's own coccicheck, a report is a failure.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

"$SCRIPTS/packages.sh" analysis
checks=$("$SCRIPTS/kernel.sh" --source "$(kernels_of stock | tail -n 1)")/scripts/coccinelle

mkdir "$tmp/src"
(cd "$ROOT" && cp -R include module kunit scripts/guest/modules "$tmp/src")

# A control: a bug that a check must find.
cat >"$tmp/control.c" <<'END'
int control(int *p)
{
	kfree(p);
	return *p;
}
END

# report CHECK PATH: what the check reports, without spatch's remarks on the check itself.
report() {
	# shellcheck disable=SC2046 # words
	spatch -D report --very-quiet --no-show-diff --cocci-file "$checks/$1" \
		$(sed -n 's|^// *Options: *||p' "$checks/$1") "$2" 2>&1 |
		grep -v '^warning: line .* should .* be a metavariable?$' || :
}

finds_use_after_free() {
	report free/kfree.cocci "$tmp/control.c" | grep 'control.c:4:'
}

t_ok "coccicheck finds a use after free" finds_use_after_free
for file in "$checks"/*/*.cocci; do
	name=${file#"$checks"/}
	if grep -q '^@script:ocaml' "$file"; then
		echo "# skipped, it needs an OCaml compiler: $name"
	elif test "$name" = api/string_choices.cocci; then
		echo "# skipped, it suggests functions that the oldest kernel does not have: $name"
	else
		t_silent "coccicheck $name" report "$name" "$tmp/src"
	fi
done

t_done
