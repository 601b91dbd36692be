/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests as VTL0 makes them: 24 bytes somewhere in its memory.
 */
#ifndef _LVBS_HEKI_REQUEST_H
#define _LVBS_HEKI_REQUEST_H

#include "heki/wire.h"

/**
 * heki_request_read() - copy a request in, once, and decode the copy
 * @pa0: where it starts
 * @pa1: its second page iff it straddles, else 0
 * @request: the request
 *
 * Context: Any but NMI; where it may not sleep, the request must lie in the
 * page of heki_request_keep().
 * Return: 0; -EINVAL for a bad place or a malformed request; -EOVERFLOW for an
 * address beyond the physical width; as phys_read(); -EBUSY if it may not sleep
 * and the page is another one.
 */
int heki_request_read(u64 pa0, u64 pa1, struct heki_request *request);

/**
 * heki_request_keep() - keep a page mapped for requests from any context
 * @pfn: the page; there is one at a time
 *
 * Context: May sleep.
 * Return: 0; -EBUSY if a page is kept already; as phys_session_begin().
 */
int heki_request_keep(unsigned long pfn);

/**
 * heki_request_unkeep() - undo heki_request_keep()
 *
 * Waits for requests that are being copied from it.
 *
 * Context: May sleep.
 */
void heki_request_unkeep(void);

#endif /* _LVBS_HEKI_REQUEST_H */
