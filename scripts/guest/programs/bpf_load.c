// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_load NAME   loads a BPF program of that name and keeps it until it is killed
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "die.h"

#define MOVES	8

int main(int argc, char **argv)
{
	struct bpf_insn insns[MOVES + 1] = {};
	union bpf_attr attr;
	int i, fd;

	if (argc != 2)
		die("usage: bpf_load NAME");
	for (i = 0; i < MOVES; i++)
		insns[i] = (struct bpf_insn) {
			.code = BPF_ALU64 | BPF_MOV | BPF_K,
			.imm = i,
		};
	insns[MOVES] = (struct bpf_insn) { .code = BPF_JMP | BPF_EXIT };

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (unsigned long)insns;
	attr.insn_cnt = MOVES + 1;
	attr.license = (unsigned long)"GPL";
	strncpy(attr.prog_name, argv[1], sizeof(attr.prog_name) - 1);
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		die("BPF_PROG_LOAD: %m");
	printf("loaded\n");
	fflush(stdout);
	for (;;)
		pause();
}
