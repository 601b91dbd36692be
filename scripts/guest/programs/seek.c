// SPDX-License-Identifier: GPL-2.0
/*
 * seek FILE data|hole OFFSET   prints where lseek() finds data or a hole
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "die.h"

int main(int argc, char **argv)
{
	int fd, whence;
	off_t at;

	if (argc != 4)
		die("usage: seek FILE data|hole OFFSET");
	whence = strcmp(argv[2], "data") ? SEEK_HOLE : SEEK_DATA;
	fd = open(argv[1], O_RDONLY);
	if (fd < 0)
		die("%s: %m", argv[1]);
	at = lseek(fd, strtoll(argv[3], NULL, 0), whence);
	if (at < 0)
		die("%s: %m", argv[1]);
	printf("%lld\n", (long long)at);
	return 0;
}
