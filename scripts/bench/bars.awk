# SPDX-License-Identifier: GPL-2.0
#
# awk -f bars.awk [-v data=FILE] BARS CSV: prints which bars are met. FILE gets a line for each bar, for the
# picture: met or not, the distance to the bar (1 is just met, more is worse), what.

function key(group, name, x) {
	return group "," name "," (x == "max" ? largest[group, name] : x)
}

# The value of a sum; 0 if a figure is missing.
function sum(text,    terms, n, i, factor, part, total) {
	n = split(text, terms, / *\+ */)
	for (i = 1; i <= n; i++) {
		factor = 1
		if (terms[i] ~ /^[0-9.]+\*/) {
			factor = terms[i] + 0
			sub(/^[0-9.]+\*/, "", terms[i])
		}
		split(terms[i], part, ",")
		if (!(key(part[1], part[2], part[3]) in value))
			return 0
		total += factor * value[key(part[1], part[2], part[3])]
	}
	return total
}

# Sets ours and theirs to the worst pair.
function worst_pair(a, b,    x, ratio, least) {
	sub(/,\*$/, "", a)
	sub(/,\*$/, "", b)
	ours = theirs = 0
	for (x in sizes) {
		if (x + 0 < 1024 || !value[a "," x] || !value[b "," x])
			continue
		ratio = value[a "," x] / value[b "," x]
		if (!least || ratio < least) {
			least = ratio
			ours = value[a "," x]
			theirs = value[b "," x]
		}
	}
}

function show(v) {
	return v == int(v) || v >= 1000 ? sprintf("%d", v) : sprintf("%.1f", v)
}

BEGIN { FS = "[[:space:]]*[|][[:space:]]*" }

FNR == NR {
	if ($0 !~ /^#/ && NF == 4) {
		what[++bars] = $1; left[bars] = $2; right[bars] = $3; bar[bars] = $4
	}
	next
}

{
	split($0, f, ",")
	if (f[1] == "group")
		next
	value[f[1] "," f[2] "," f[3]] = f[4]
	sizes[f[3]]
	if (f[3] + 0 > largest[f[1], f[2]] + 0)
		largest[f[1], f[2]] = f[3]
}

END {
	printf "\n%-48s %10s %10s %7s    %7s\n", "", "lvbs", "against", "ratio", "bar"
	for (i = 1; i <= bars; i++) {
		if (left[i] ~ /^native,/) {
			worst_pair(left[i], right[i])
		} else {
			ours = sum(left[i])
			theirs = sum(right[i])
		}
		if (!ours || !theirs) {
			printf "%-48s not measured\n", what[i]
			missing++
			continue
		}
		ratio = ours / theirs
		# Ratios well below 1 need more digits.
		shown = sprintf(ratio < 0.1 ? "%.4f" : "%.2f", ratio)
		if (bar[i] == "-") {
			printf "%-48s %10s %10s %7s\n", what[i], show(ours), show(theirs), shown
			continue
		}
		split(bar[i], limit, " ")
		bound = limit[2]
		if (split(bound, part, "/") == 2)
			bound = part[1] / part[2]
		distance = limit[1] == "<=" ? ratio / bound : bound / ratio
		printf "%-48s %10s %10s %7s %2s %6s  %s\n", what[i], show(ours), show(theirs),
			shown, limit[1], limit[2], (distance <= 1 ? "met" : "NOT MET")
		if (data)
			printf "%d\t%.4f\t%s\n", distance <= 1, distance, what[i] >data
	}
}
