# SPDX-License-Identifier: GPL-2.0
#
# awk -f matrix.awk -v group=GROUP [-v unit=N] [-v by=N] CSV: prints a group of figures as a table, in the
# order of the file: a row for each name, a column for each x divided by unit. With by, figures are divided
# by x / by.

BEGIN {
	FS = ","
	unit = unit ? unit : 1
}

$1 == group {
	if (!($2 in row)) { row[$2] = ++rows; name[rows] = $2 }
	if (!($3 in col)) { col[$3] = ++cols; x[cols] = $3 }
	cell[row[$2], col[$3]] = by ? sprintf("%.1f", $4 / ($3 / by)) : $4
}

END {
	printf "%-22s", ""
	for (c = 1; c <= cols; c++) printf "%10d", x[c] / unit
	print ""
	for (r = 1; r <= rows; r++) {
		printf "%-22s", name[r]
		for (c = 1; c <= cols; c++) printf "%10s", cell[r, c] == "" ? "-" : cell[r, c]
		print ""
	}
}
