# SPDX-License-Identifier: GPL-2.0
#
# mutate.awk: parses lists of mutants, and weaves mutants into sources. scripts/test/mutate.sh describes the list.
#
# awk -v task=parse -f mutate.awk LIST...    prints a line for each mutant, with tabs between its fields: ID, FILE,
#                                          SUITES ("suite:NAME" for a VM suite), "alone" or "choice", OLD, NEW,
#                                          why it is equivalent, why it still survives
# awk -v task=weave -v from=DIR -v to=DIR -f mutate.awk MUTANTS
#                                          writes to DIR/ROUND/FILE; prints "ROUND NUMBER ID FILE SUITES"
# awk -v task=operators -f mutate.awk LIST FILE...
#                                          prints a list of mutants of FILEs that operators make

function fail(what) {
	print "mutate.awk: " what >"/dev/stderr"
	failed = 1
	exit 1
}

function strip(text) {
	gsub(/^[ \t]+|[ \t]+$/, "", text)
	return text
}

# A regular expression for this text, whatever its blanks and line breaks.
function pattern_of(text,    i, c, pattern) {
	gsub(/[ \t\n]+/, " ", text)
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == " ")
			pattern = pattern "[ \t\n]+"
		else if (c ~ /[A-Za-z0-9_]/)
			pattern = pattern c
		else if (c == "\\" || c == "^")
			pattern = pattern "\\" c
		else
			pattern = pattern "[" c "]"
	}
	return pattern
}

function word_char(c) {
	return c ~ /[A-Za-z0-9_]/
}

# The length of what matches the pattern at the start of a text.
function prefix(text, pattern) {
	return match(text, "^" pattern) ? RLENGTH : 0
}

# The number of places of OLD in a text. Sets at and len to the last, or the part of it in [[ ]].
function find(text, old,    part, parts, pattern, n, skipped, i, whole) {
	whole = text
	if (old ~ /\[\[.*\]\]/) {
		i = index(old, "[[")
		part[1] = substr(old, 1, i - 1)
		old = substr(old, i + 2)
		match(old, /.*\]\]/)
		i = RLENGTH - 1
		part[2] = substr(old, 1, i - 1)
		part[3] = substr(old, i + 2)
		old = part[1] part[2] part[3]
		parts = 3
	}
	pattern = pattern_of(old)
	n = skipped = 0
	while (match(text, pattern)) {
		if (!(word_char(substr(old, 1, 1)) && word_char(substr(text, RSTART - 1, RSTART > 1))) &&
		    !(word_char(substr(old, length(old))) && word_char(substr(text, RSTART + RLENGTH, 1)))) {
			n++
			at = skipped + RSTART
			len = RLENGTH
		}
		skipped += RSTART
		text = substr(text, RSTART + 1)
	}
	if (n && parts) {
		text = substr(whole, at, len)
		i = prefix(text, pattern_of(part[1]))
		at += i
		len = prefix(substr(text, i + 1), pattern_of(part[2]))
	}
	return n
}

function read_file(path,    text, line) {
	text = ""
	while ((getline line <path) > 0)
		text = text line "\n"
	close(path)
	if (text == "")
		fail("cannot read " path)
	return text
}

# ---- parse ----

function flush() {
	if (id == "")
		return
	if (id in seen)
		fail("two mutants are named " id)
	seen[id] = 1
	printf "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id, file, suites, kind, old, new, equivalent, open
	id = ""
}

function parse_line(line,    arrow) {
	if (line ~ /^@ /) {
		flush()
		split(line, word, " ")
		file = word[2]
		file_suites = word[3]
		if (file_suites == "")
			fail("no suites: " line)
	} else if (line ~ /^[ \t]/) {
		line = strip(line)
		if (line == "alone")
			kind = "alone"
		else if (sub(/^equivalent: /, "", line))
			equivalent = line
		else if (sub(/^open: /, "", line))
			open = line
		else if (sub(/^suite: /, "", line)) {
			suites = "suite:" line
			kind = "alone"
		} else if (sub(/^kunit: /, "", line))
			suites = line
		else
			fail("unknown line: " line)
	} else {
		flush()
		arrow = index(line, "=>")
		if (!match(line, /^[a-z0-9_-]+: /) || !arrow || file == "")
			fail("not 'ID: OLD => NEW': " line)
		id = substr(line, 1, RLENGTH - 2)
		old = strip(substr(line, RLENGTH + 1, arrow - RLENGTH - 1))
		new = strip(substr(line, arrow + 2))
		suites = file_suites
		kind = "choice"
		equivalent = open = ""
	}
}

task == "parse" && !/^(#|$)/ { parse_line($0) }

# ---- weave ----

function woven(i,    was) {
	was = substr(text[file_of[i]], start[i], length_of[i])
	if (kind_of[i] == "alone")
		return new_of[i]
	if (was ~ /[;}]$/)
		return "{ if (lvbs_mutant == " i ") { " new_of[i] " } else { " was " } }"
	return "(lvbs_mutant == " i " ? (" new_of[i] ") : (" was "))"
}

function overlap(i, j) {
	return start[i] < start[j] + length_of[j] && start[j] < start[i] + length_of[i]
}

# The first round in which nothing of the file overlaps.
function round_of(i,    r, j, free) {
	if (kind_of[i] == "alone")
		return 0
	for (r = 1; ; r++) {
		free = 1
		for (j = 1; j < i && free; j++)
			if (file_of[j] == file_of[i] && round[j] == r && overlap(i, j))
				free = 0
		if (free)
			return r
	}
}

function write_round(r, f,    i, best, upto, out, path) {
	upto = 1
	out = ""
	for (;;) {
		best = 0
		for (i = 1; i <= n; i++)
			if (file_of[i] == f && round[i] == r && start[i] >= upto && (!best || start[i] < start[best]))
				best = i
		if (!best)
			break
		out = out substr(text[f], upto, start[best] - upto) woven(best)
		upto = start[best] + length_of[best]
	}
	if (upto == 1)
		return
	path = to "/" r "/" f
	system("mkdir -p '" to "/" r "/" substr(f, 1, match(f, "/[^/]*$")) "'")
	printf "%s%s", out, substr(text[f], upto) >path
	close(path)
}

task == "weave" {
	split($0, field, "\t")
	n++
	id_of[n] = field[1]
	file_of[n] = field[2]
	suites_of[n] = field[3]
	kind_of[n] = field[4]
	new_of[n] = field[6]
	if (!(field[2] in text))
		text[field[2]] = read_file(from "/" field[2])
	places = find(text[field[2]], field[5])
	if (places != 1)
		fail(field[1] ": '" field[5] "' occurs " places " times in " field[2] ", not once")
	start[n] = at
	length_of[n] = len
	round[n] = round_of(n)
	if (round[n] > rounds)
		rounds = round[n]
}

# ---- operators ----

function offer(what, old, new,    name) {
	old = strip(old)
	if (find(source, old) != 1)
		return
	name = current
	gsub(/^module\/|\.c$/, "", name)
	gsub(/[^a-z0-9]/, "-", name)
	if (current != printed)
		print "@ " current " " suites_for[current]
	printed = current
	made++
	print name "-" what "-" FNR ": " old " => " new
}

function operate(line,    old, new) {
	if (line ~ /^[ \t]*(\*|\/\*|#)/)
		return
	if (line ~ /^\t+return -E[A-Z]+;$/) {
		if (before ~ /^\t+if \(.*\)$/)
			offer("check", strip(before) " " strip(line), "")
		new = line ~ /EIO/ ? "return -EINVAL;" : "return -EIO;"
		if (before ~ /^\t+if \(.*\)$/)
			offer("errno", strip(before) " " strip(line), strip(before) " " new)
	}
	if (match(line, /\([a-z_][A-Za-z0-9_.>-]* (<|<=|>|>=|==|!=) [A-Za-z0-9_.>-]+\)/)) {
		old = substr(line, RSTART + 1, RLENGTH - 2)
		new = old
		if (!sub(/ <= /, " < ", new) && !sub(/ >= /, " > ", new) && !sub(/ < /, " <= ", new) &&
		    !sub(/ == /, " != ", new) && !sub(/ != /, " == ", new))
			sub(/ > /, " >= ", new)
		offer("compare", old, new)
	}
	if (line ~ /^\t+[a-z_]+(_del|_remove|_end|_close|_unmap|_free|_put|unprotect)\(.*\);$/ || line ~ /^\tkv?free\(.*\);$/)
		offer("undo", line, "")
	if (line ~ /^\t+(smp_mb|smp_wmb|smp_rmb|synchronize_rcu)\(\);/)
		offer("barrier", substr(line, 1, index(line, ";")), "")
}

task == "operators" && /^@ / && FILENAME == ARGV[1] { suites_for[$2] = $3 }
task == "operators" && FILENAME != ARGV[1] {
	if (FNR == 1) {
		current = FILENAME
		source = read_file(FILENAME)
		before = ""
	}
	operate($0)
	before = $0
}

END {
	if (failed)
		exit 1
	if (task == "parse")
		flush()
	if (task != "weave")
		exit
	for (i = 1; i <= n; i++)
		if (kind_of[i] == "alone")
			round[i] = ++rounds
	for (i = 1; i <= n; i++)
		print round[i], i, id_of[i], file_of[i], suites_of[i], kind_of[i]
	for (r = 1; r <= rounds; r++)
		for (f in text)
			write_round(r, f)
}
