# SPDX-License-Identifier: GPL-2.0
# Entry points for people. The work is in scripts/ and Kbuild.

ifneq ($(words $(CURDIR))$(findstring :,$(CURDIR)),1)
$(error make cannot handle blanks or colons in a path: move "$(CURDIR)")
endif

KDIR ?= /lib/modules/$(shell uname -r)/build
DEPMOD ?= depmod

.PHONY: all demo test test-full bench lint docs deb shell install modules_install clean help

all:
	@scripts/build.sh --kdir "$(KDIR)"

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

test-full:
	@scripts/test.sh --full

bench:
	@scripts/bench.sh $(if $(KERNEL),--kernel "$(KERNEL)")

lint:
	@scripts/lint.sh

docs:
	@scripts/docs.sh

deb:
	@scripts/deb.sh

shell:
	@scripts/shell.sh

install: modules_install

modules_install: all
	$(MAKE) -C "$(KDIR)" M="$(CURDIR)/build/kdir/lvbs" modules_install
	$(DEPMOD) -a $(if $(INSTALL_MOD_PATH),-b "$(INSTALL_MOD_PATH)") \
		"$$(sed -n 's/^.*UTS_RELEASE "\(.*\)"$$/\1/p' "$(KDIR)/include/generated/utsrelease.h")"

clean:
	rm -rf build

help:
	@echo "make            build/kdir/lvbs.ko for KDIR (default: the running kernel)"
	@echo "make demo       show the module at work, in a VM with a stock kernel"
	@echo "make test       all tests; build/test has the logs"
	@echo "make test-full  the same, and the long runs; resumes, and leaves build/test-full.summary"
	@echo "make bench      the benchmark: a table, build/bench.csv and build/bench.svg"
	@echo "make lint       style and static checks"
	@echo "make docs       Documentation/ as HTML, in build/docs"
	@echo "make deb        a Debian package for dkms, in build/deb"
	@echo "make shell      a shell in the VM, with the module loaded"
	@echo "make install    install the module for KDIR"
	@echo "make clean      remove build/ (downloads stay in ~/.cache/lvbs)"
