/* SPDX-License-Identifier: GPL-2.0 */
/* die(): print a message and exit with status 1. */
#ifndef DIE_H
#define DIE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define __noreturn	__attribute__((noreturn))
#define __printf(f, a)	__attribute__((format(printf, f, a)))

static __printf(1, 2) __noreturn void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

#endif /* DIE_H */
