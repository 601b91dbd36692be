#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# install-test.sh   make install for the stock kernels into folders of its own, the module signed
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

"$SCRIPTS/packages.sh" build dkms sign
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$ROOT/dkms.conf")

# The build folder of make is one for all kernels: not that of whoever works here.
# shellcheck disable=SC2046 # names without blanks
(cd "$ROOT" && mkdir "$tmp/src" && cp -R $(module_sources) Makefile scripts "$tmp/src")

in_copy() {
	make -C "$tmp/src" KDIR="$kdir" "$@"
}

installed() {
	modinfo -b "$tmp/$name" -k "$release" "$@" lvbs
}

# The commands of README.md.
make_key() {
	openssl req -new -x509 -newkey rsa:2048 -noenc -days 3650 -subj "/CN=lvbs modules/" \
		-keyout "$tmp/lvbs.key" -outform DER -out "$tmp/lvbs.der"
}

sign() {
	"$kdir/scripts/sign-file" sha256 "$tmp/lvbs.key" "$tmp/lvbs.der" "$tmp/src/build/kdir/lvbs/lvbs.ko"
}

arrived() {
	find "$tmp/$name" -name 'lvbs.ko*' | grep "^$tmp/$name/lib/modules/$release/\(updates\|extra\)/"
}

known_to_modprobe() {
	modprobe -d "$tmp/$name" -S "$release" --show-depends lvbs | grep "^insmod $(arrived)"
}

parameters() {
	grep -rhoE '^module_param(_named)?\([a-z_]+' "$ROOT/module" | sed 's/.*(//' | sort
}

described_parameters() {
	installed -F parm | grep -v ':$' | sed 's/:.*//' | sort
}

# What is appended: the module's bytes, a CMS message, 12 bytes whose last four are its length, and a
# line of 28 (the kernel's struct module_signature).
signature_is_good() {
	ko=$tmp/$name.ko
	case $(arrived) in
	*.xz) xz -dc "$(arrived)" ;;
	*) cat "$(arrived)" ;;
	esac >"$ko"
	length=$(($(tail -c 32 "$ko" | head -c 4 | od -An -tx1 | sed 's/ //g; s/^/0x/')))
	end=$(($(stat -c %s "$ko") - 28 - 12 - length))
	head -c "$end" "$ko" >"$ko.body"
	tail -c "+$((end + 1))" "$ko" | head -c "$length" >"$ko.cms"
	openssl x509 -inform DER -in "$tmp/lvbs.der" -out "$tmp/lvbs.pem"
	verify "$ko.body" || return 1
	# And of nothing else.
	printf x >>"$ko.body"
	! verify "$ko.body"
}

verify() {
	openssl cms -verify -binary -inform DER -in "$ko.cms" -content "$1" -nointern \
		-certfile "$tmp/lvbs.pem" -CAfile "$tmp/lvbs.pem" -purpose any -out /dev/null
}

check "a key to sign with" make_key
for name in 6.1 6.12; do
	folder=$("$SCRIPTS/kernel.sh" "$name")
	kdir=$(realpath "$folder/headers")
	release=$(cat "$folder/release")
	mkdir "$tmp/$name"
	check "make, $name" in_copy
	check "sign-file, $name" sign
	check "make install, $name" in_copy install INSTALL_MOD_PATH="$tmp/$name"
	check "the module is in updates/ or extra/, $name" arrived
	check "modprobe finds it, $name" known_to_modprobe
	is "$(installed -F vermagic | cut -d ' ' -f 1)" "$release" "modinfo says the kernel, $name"
	is "$(installed -F license)" GPL "modinfo says the licence, $name"
	is "$(installed -F version)" "$version" "modinfo says the version of dkms.conf, $name"
	is "$(described_parameters)" "$(parameters)" "modinfo describes all parameters, $name"
	is "$(installed -F signer)" "lvbs modules" "modinfo says who signed it, $name"
	check "the signature is good, $name" signature_is_good
done

totals
