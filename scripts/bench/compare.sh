#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compare.sh OLD.csv NEW.csv [PERCENT]   compares two runs of scripts/bench.sh
#
# Prints the counts of instructions that differ most. Fails if one differs by more than PERCENT (default 2), or
# is in one run only. Ignores what was measured with the host's clock.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# -ge 2 || bad_usage "name two CSV files"
exec awk -F, -v limit="${3:-2}" '
	FNR == 1 { file++ }
	$1 == "group" || $1 == "native" || $1 == "wall" || $1 == "cpus" { next }
	file == 1 { old[$1 "," $2 "," $3] = $4; next }
	{ new[$1 "," $2 "," $3] = $4 }

	END {
		for (k in old)
			if (!(k in new)) { print "only in the first: " k; bad++ }
		for (k in new) {
			if (!(k in old)) { print "only in the second: " k; bad++; continue }
			rows++
			diff = new[k] - old[k]
			part = old[k] ? 100 * (diff < 0 ? -diff : diff) / old[k] : (diff ? 100 : 0)
			# Insertion into the ten worst.
			for (i = rows < 10 ? rows : 10; i >= 1 && part > worst[i]; i--) {
				worst[i + 1] = worst[i]; who[i + 1] = who[i]
				worst[i] = part; who[i] = k
			}
			if (part > limit) beyond++
		}
		for (i = 1; i <= 10 && i <= rows && worst[i] > 0; i++)
			printf "%6.2f %%  %-36s %12d %12d\n", worst[i], who[i], old[who[i]], new[who[i]]
		if (!rows) { print "nothing to compare"; exit 1 }
		printf "%d figures, the worst differs by %.2f %%, %d by more than %s %%\n", rows, worst[1], beyond, limit
		exit beyond || bad
	}
' "$1" "$2"
