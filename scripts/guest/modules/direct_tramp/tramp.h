/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TRAMP_H
#define TRAMP_H

/* Called by ftrace; not by C code. */
void direct_tramp(void);

/* The address that direct_tramp() calls. */
extern unsigned long direct_tramp_body;

#endif
