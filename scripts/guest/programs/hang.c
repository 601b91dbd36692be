// SPDX-License-Identifier: GPL-2.0
/*
 * hang FILE read|write OFFSET LEN   reads or writes a file with a buffer that userfaultfd never resolves
 *
 * Prints "hanging" when the kernel waits for the buffer, and then stays so until it is killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "die.h"

static int fd;
static int writing;
static off_t offset;
static size_t len;
static char *buf;

static void *transfer(void *unused)
{
	ssize_t n = writing ? pwrite(fd, buf, len, offset) : pread(fd, buf, len, offset);

	(void)unused;
	die("the transfer ended: %zd, %m", n);
}

int main(int argc, char **argv)
{
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	pthread_t thread;
	int uffd;

	if (argc != 5)
		die("usage: hang FILE read|write OFFSET LEN");
	writing = !strcmp(argv[2], "write");
	offset = strtoll(argv[3], NULL, 0);
	len = strtoul(argv[4], NULL, 0);
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		die("%s: %m", argv[1]);
	buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (buf == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd: %m");
	area.range.start = (unsigned long)buf;
	area.range.len = (len + 4095) & ~4095UL;
	if (ioctl(uffd, UFFDIO_REGISTER, &area))
		die("userfaultfd: %m");
	if (pthread_create(&thread, NULL, transfer, NULL))
		die("no thread");
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		die("no page fault");
	puts("hanging");
	fflush(stdout);
	for (;;)
		pause();
}
