#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# install.sh   make and make install for the newest stock kernel, in directories of its own, with a signed module
#
# dkms.sh builds and installs for all of them.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

"$SCRIPTS/packages.sh" build dkms sign
# The same path in each run, for ccache. A copy of the sources, because make has one build directory, which
# belongs to whoever works here.
copy=$BUILD/install-test
version=$("$SCRIPTS/version.sh")

in_copy() {
	make -C "$copy" KDIR="$kdir" "$@"
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
	"$kdir/scripts/sign-file" sha256 "$tmp/lvbs.key" "$tmp/lvbs.der" "$copy/build/kdir/lvbs/lvbs.ko"
}

arrived() {
	find "$tmp/$name" -name 'lvbs.ko*' | grep "^$tmp/$name/lib/modules/$release/\(updates\|extra\)/"
}

known_to_modprobe() {
	modprobe -d "$tmp/$name" -S "$release" --show-depends lvbs | grep "^insmod $(arrived)"
}

has_description() {
	installed -F description | grep .
}

parameters() {
	grep -rhoE '^module_param(_named|_cb)?\([a-z_]+' "$ROOT/module" | sed 's/.*(//' | sort
}

described_parameters() {
	installed -F parm | grep -v ':$' | sed 's/:.*//' | sort
}

# A signed file: the module, a CMS message, 12 bytes whose last four are the message's length (struct
# module_signature), and a line of 28 bytes.
signature_is_valid() {
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
	# But for no other contents.
	printf x >>"$ko.body"
	! verify "$ko.body"
}

verify() {
	openssl cms -verify -binary -inform DER -in "$ko.cms" -content "$1" -nointern \
		-certfile "$tmp/lvbs.pem" -CAfile "$tmp/lvbs.pem" -purpose any -out /dev/null
}

run_all() {
	rm -rf "$copy"
	mkdir -p "$copy"
	# shellcheck disable=SC2046 # names without blanks
	(cd "$ROOT" && cp -R $(module_sources) Makefile scripts "$copy")

	t_ok "make a key" make_key
	for name in $(kernels_of stock | tail -n 1); do
		kernel_dir=$("$SCRIPTS/kernel.sh" "$name")
		kdir=$(realpath "$kernel_dir/headers")
		release=$(cat "$kernel_dir/release")
		mkdir "$tmp/$name"
		t_ok "make, $name" in_copy
		t_ok "sign-file, $name" sign
		t_ok "make install, $name" in_copy install INSTALL_MOD_PATH="$tmp/$name"
		t_ok "the module is in updates/ or extra/, $name" arrived
		t_ok "modprobe finds it, $name" known_to_modprobe
		t_is "$(installed -F vermagic | cut -d ' ' -f 1)" "$release" "modinfo has the kernel, $name"
		t_is "$(installed -F license)" GPL "modinfo has the licence, $name"
		t_is "$(installed -F author)" "The lvbs project" "modinfo has the author, $name"
		t_ok "modinfo has a description, $name" has_description
		t_is "$(installed -F version)" "$version" "modinfo has the version of dkms.conf, $name"
		t_is "$(described_parameters)" "$(parameters)" "modinfo describes all parameters, $name"
		t_is "$(installed -F signer)" "lvbs modules" "modinfo has the signer, $name"
		t_ok "the signature is valid, $name" signature_is_valid
	done
	t_done
}

with_lock "$copy.lock" run_all
