// SPDX-License-Identifier: GPL-2.0
/*
 * hang FILE read|write OFFSET LEN [PRESENT]
 *
 * Reads or writes a file with a buffer that userfaultfd does not resolve, except
 * for its first PRESENT pages (default 0), which are there and filled with 'h'.
 * Prints "hanging" and the buffer's address when the kernel waits for the buffer.
 * On SIGUSR1 the rest of the buffer becomes accessible; prints how many bytes
 * were transferred, or why none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "die.h"

#define PAGE	4096UL

static int fd;
static int writing;
static off_t offset;
static size_t len;
static char *buf;
static int released;

static void *transfer(void *unused)
{
	ssize_t n = writing ? pwrite(fd, buf, len, offset) : pread(fd, buf, len, offset);

	(void)unused;
	if (!__atomic_load_n(&released, __ATOMIC_SEQ_CST))
		die("the transfer ended: %zd, %m", n);
	if (n < 0)
		puts(strerror(errno));
	else
		printf("%zd\n", n);
	return NULL;
}

int main(int argc, char **argv)
{
	struct uffdio_register area = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	pthread_t thread;
	sigset_t release;
	int uffd, sig;

	if (argc < 5 || argc > 6)
		die("usage: hang FILE read|write OFFSET LEN [PRESENT]");
	writing = !strcmp(argv[2], "write");
	offset = strtoll(argv[3], NULL, 0);
	len = strtoul(argv[4], NULL, 0);
	fd = open(argv[1], writing ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		die("%s: %m", argv[1]);
	buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (buf == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		die("userfaultfd: %m");
	if (argc == 6)
		memset(buf, 'h', strtoul(argv[5], NULL, 0) * PAGE);
	area.range.start = (unsigned long)buf;
	area.range.len = (len + PAGE - 1) & ~(PAGE - 1);
	if (ioctl(uffd, UFFDIO_REGISTER, &area))
		die("userfaultfd: %m");
	sigemptyset(&release);
	sigaddset(&release, SIGUSR1);
	sigprocmask(SIG_BLOCK, &release, NULL);
	if (pthread_create(&thread, NULL, transfer, NULL))
		die("no thread");
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		die("no page fault");
	printf("hanging %#lx\n", (unsigned long)buf);
	fflush(stdout);
	sigwait(&release, &sig);
	__atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
	if (ioctl(uffd, UFFDIO_UNREGISTER, &area.range))
		die("userfaultfd: %m");
	pthread_join(thread, NULL);
	return 0;
}
