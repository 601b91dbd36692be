# SPDX-License-Identifier: GPL-2.0
#
# objdump -dr -j .text KO | awk -v reached="OFFSET..." -f coverage.awk: which of the calls that the compiler
# inserted for KCOV were made, by function. The guest prints the offsets.

BEGIN {
	n = split(reached, place, " ")
	for (i = 1; i <= n; i++) hit[place[i]] = 1
}
/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
/^ *[0-9a-f]+:\t/ {
	at = $1
	sub(/:/, "", at)
	# The relocation may be on the next line. The traced address is the one after the call.
	if (pending) { calls(at) }
}
/__sanitizer_cov_trace_pc/ { pending = 1 }
function calls(at) {
	pending = 0
	all++
	in_function[name]++
	if (at in hit) { reached_nr++; reached_in[name]++ }
}
END {
	for (name in in_function) {
		functions++
		if (!(name in reached_in)) never[++nr] = name
	}
	printf "coverage: %d of %d places in %d of %d functions\n", reached_nr, all, functions - nr, functions
	for (i = 1; i <= nr; i++) print "never entered: " never[i] | "sort"
}