// SPDX-License-Identifier: GPL-2.0
/*
 * bpf_users IFNAME CGROUP
 *
 * One round of what makes the kernel generate and patch BPF code, with a program
 * of hand-written instructions for each: XDP on an interface, tail calls whose
 * target changes, a cgroup's filter, socket filters, a raw tracepoint.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "die.h"

#define MOV(reg, value) \
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (value) }
#define EXIT		{ .code = BPF_JMP | BPF_EXIT }
#define CALL(function)	{ .code = BPF_JMP | BPF_CALL, .imm = (function) }
/* Two instructions: the second one, of zeros, follows. */
#define LOAD_MAP(reg, fd) \
	{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (reg), \
	  .src_reg = BPF_PSEUDO_MAP_FD, .imm = (fd) }
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static int bpf(int cmd, union bpf_attr *attr, const char *what)
{
	int ret = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	if (ret < 0)
		die("%s: %s", what, strerror(errno));
	return ret;
}

static int load(unsigned int type, unsigned int attach,
		const struct bpf_insn *insns, size_t nr)
{
	union bpf_attr attr = {
		.prog_type = type,
		.expected_attach_type = attach,
		.insns = (unsigned long)insns,
		.insn_cnt = nr,
		.license = (unsigned long)"GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr, "load");
}

static int load_constant(unsigned int type, unsigned int attach, int value)
{
	const struct bpf_insn insns[] = { MOV(BPF_REG_0, value), EXIT };

	return load(type, attach, insns, COUNT(insns));
}

static void use_xdp(const char *interface)
{
	int first = load_constant(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS);
	int second = load_constant(BPF_PROG_TYPE_XDP, BPF_XDP, XDP_PASS);
	union bpf_attr create = {
		.link_create = {
			.prog_fd = first,
			.target_ifindex = if_nametoindex(interface),
			.attach_type = BPF_XDP,
		},
	};
	union bpf_attr update = { .link_update.new_prog_fd = second };
	int link = bpf(BPF_LINK_CREATE, &create, "XDP link");

	update.link_update.link_fd = link;
	bpf(BPF_LINK_UPDATE, &update, "XDP update");
	close(link);
	close(first);
	close(second);
}

static void set_target(int map, int prog)
{
	unsigned int key = 0;
	union bpf_attr attr = {
		.map_fd = map,
		.key = (unsigned long)&key,
		.value = (unsigned long)&prog,
	};

	bpf(BPF_MAP_UPDATE_ELEM, &attr, "tail call target");
}

static void use_tail_call(void)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_PROG_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};
	unsigned int key = 0;
	int map = bpf(BPF_MAP_CREATE, &create, "map");
	const struct bpf_insn insns[] = {
		LOAD_MAP(BPF_REG_2, map), {},
		MOV(BPF_REG_3, 0),
		CALL(BPF_FUNC_tail_call),
		MOV(BPF_REG_0, 0),
		EXIT,
	};
	union bpf_attr delete = {
		.map_fd = map,
		.key = (unsigned long)&key,
	};
	int caller, one, two;

	caller = load(BPF_PROG_TYPE_SOCKET_FILTER, 0, insns, COUNT(insns));
	one = load_constant(BPF_PROG_TYPE_SOCKET_FILTER, 0, 1);
	two = load_constant(BPF_PROG_TYPE_SOCKET_FILTER, 0, 2);
	set_target(map, one);
	set_target(map, two);
	bpf(BPF_MAP_DELETE_ELEM, &delete, "no tail call");
	set_target(map, one);
	close(caller);
	close(one);
	close(two);
	close(map);
}

static void use_cgroup(const char *path)
{
	int prog = load_constant(BPF_PROG_TYPE_CGROUP_SKB,
				 BPF_CGROUP_INET_EGRESS, 1);
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	union bpf_attr attr = {
		.target_fd = dir,
		.attach_bpf_fd = prog,
		.attach_type = BPF_CGROUP_INET_EGRESS,
	};

	if (dir < 0)
		die("%s: %s", path, strerror(errno));
	bpf(BPF_PROG_ATTACH, &attr, "cgroup attach");
	bpf(BPF_PROG_DETACH, &attr, "cgroup detach");
	close(dir);
	close(prog);
}

static void use_socket(void)
{
	int prog = load_constant(BPF_PROG_TYPE_SOCKET_FILTER, 0, 0xffff);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
	struct sock_filter insns[] = {
		{ .code = BPF_LD | BPF_W | BPF_LEN },
		{ .code = BPF_RET | BPF_A },
	};
	struct sock_fprog classic = { .len = COUNT(insns), .filter = insns };

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)) ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &classic,
		       sizeof(classic)))
		die("socket: %s", strerror(errno));
	close(fd);
	close(prog);
}

static void use_raw_tracepoint(void)
{
	int prog = load_constant(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0);
	union bpf_attr attr = {
		.raw_tracepoint = {
			.name = (unsigned long)"sched_switch",
			.prog_fd = prog,
		},
	};

	close(bpf(BPF_RAW_TRACEPOINT_OPEN, &attr, "raw tracepoint"));
	close(prog);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		die("usage: bpf_users IFNAME CGROUP");
	use_xdp(argv[1]);
	use_tail_call();
	use_cgroup(argv[2]);
	use_socket();
	use_raw_tracepoint();
	return 0;
}
