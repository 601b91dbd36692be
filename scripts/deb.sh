#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh   builds the Debian package lvbs-dkms, and prints the path of the .deb
#
# The version is that of dkms.conf; after a release, while CHANGELOG.md has a section "Unreleased", with the date
# of the last commit: 0.1+git20261127. debian/ is made from scripts/deb, its changelog from CHANGELOG.md.
# DEBFULLNAME and DEBEMAIL name the maintainer.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
test $# = 0 || bad_usage "unknown argument $1"

version=$("$SCRIPTS/version.sh")
"$SCRIPTS/packages.sh" deb
out=$BUILD/deb
tree=$out/lvbs
maintainer="${DEBFULLNAME:-The lvbs project} <${DEBEMAIL:-lvbs@localhost}>"
# Of the last commit, or of the file where there is no git.
changed=$(git -C "$ROOT" log -1 --format=%ct 2>/dev/null || stat -c %Y "$ROOT/CHANGELOG.md")

# An entry for each section of CHANGELOG.md, in lines of at most 80 characters.
changelog() {
	awk -v snapshot="$version+git$(date -u -d "@$changed" +%Y%m%d)" -v changed="@$changed" -v maintainer="$maintainer" '
		function date_of(when,    command, date) {
			command = "date -u -R -d " when
			command | getline date
			close(command)
			return date
		}
		function end_item(    n, i, words, line) {
			n = split(item, words)
			line = "  *"
			for (i = 1; i <= n; i++) {
				if (length(line " " words[i]) > 80) {
					print line
					line = "   "
				}
				line = line " " words[i]
			}
			if (n) print line
			item = ""
		}
		function end_entry() {
			end_item()
			if (version) printf "\n -- %s  %s\n\n", maintainer, date_of(when)
		}
		/^## / {
			end_entry()
			version = $2 == "Unreleased" ? snapshot : $2
			when = $2 == "Unreleased" ? changed : substr($3, 2, 10)
			printf "lvbs (%s) %s; urgency=medium\n\n", version, $2 == "Unreleased" ? "UNRELEASED" : "unstable"
			next
		}
		!version { next }
		/^(- |$)/ { end_item(); sub(/^- /, "") }
		{ item = item " " $0 }
		END { end_entry() }' "$ROOT/CHANGELOG.md"
}

build() {
	rm -rf "$out"
	mkdir -p "$tree"
	# shellcheck disable=SC2046 # names without blanks
	(cd "$ROOT" && cp -R $(module_sources) Documentation README.md "$tree")
	cp -R "$SCRIPTS/deb" "$tree/debian"
	sed -i "s/@MAINTAINER@/$maintainer/" "$tree/debian/control"
	changelog >"$tree/debian/changelog"
	(cd "$tree" && dpkg-buildpackage --build=all --no-sign) >"$out/log" 2>&1 || {
		tail -n 40 "$out/log" >&2
		return 1
	}
}

with_lock "$out.lock" build || die "the build of the package failed"
find "$out" -maxdepth 1 -name 'lvbs-dkms_*.deb' | grep .
