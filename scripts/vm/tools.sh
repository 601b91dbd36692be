#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# tools.sh   prints the path of a directory "tools", for the guest: Debian's bpftrace, perf, nft and ip in tools/bin,
#            and in tools/lib the shared libraries that they need
#
# Unpacked into the cache, never installed. In the guest it must be /tools.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

tools="bpftrace perf nft ip"

# These packages with all that they depend on, as on a system that has none.
packages() {
	apt-get install -s -o Dir::State::status=/dev/null --no-install-recommends bpftrace linux-perf nftables iproute2 |
		sed -n 's/^Inst \([^ ]*\).*/\1/p'
}

# collect ROOT TO: copies the programs of ROOT with their libraries.
collect() {
	libraries=$(find "$1" -name '*.so.*' -printf '%h\n' | sort -u | paste -s -d :)
	loader=$(find "$1" -path '*/lib*/ld-linux-x86-64.so.2' | head -n 1)
	mkdir -p "$2/bin" "$2/lib"
	cp -L "$loader" "$2/lib/ld.so"
	for tool in $tools; do
		program=$(find "$1" -type f -path "*/*bin/$tool" | head -n 1)
		test -n "$program" || { say "no $tool in the packages"; return 1; }
		strip -o "$2/lib/$tool" "$program"
		"$loader" --library-path "$libraries" --list "$program" | awk '$2 == "=>" && $1 !~ "/" { print $1, $3 }'
		printf '#!/bin/sh\nexec /tools/lib/ld.so --library-path /tools/lib /tools/lib/%s "$@"\n' "$tool" >"$2/bin/$tool"
		chmod +x "$2/bin/$tool"
	done | sort -u | while read -r name path; do
		cp -L "$path" "$2/lib/$name"
	done
}

get() {
	# shellcheck disable=SC2046 # a list of package names
	fetch_debs system "$1/root" $(packages) || return 1
	collect "$1/root" "$1/tools" || return 1
	rm -rf "$1/root"
}

make_once "$LVBS_CACHE/tools" get || die "cannot get the tools for the guest"
echo "$LVBS_CACHE/tools/tools"
