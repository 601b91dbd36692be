/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live mode: the running kernel's own text writes.
 */
#ifndef _LVBS_HEKI_LIVE_H
#define _LVBS_HEKI_LIVE_H

/**
 * heki_live_get() - what live mode does
 *
 * Context: Any.
 * Return: "off", "audit" or "mediate".
 */
const char *heki_live_get(void);

/**
 * heki_live_set() - say what live mode is to do
 * @mode: "off", "audit" or "mediate"
 *
 * All or nothing: what fails half-way leaves "off", and the reason in the
 * kernel's log.
 *
 * Context: May sleep, and long.
 * Return: 0; -EINVAL for an unknown mode; -ENOENT if the kernel lacks a symbol
 * that is needed; -EBUSY if text is being patched all the time; what kprobes,
 * heki_owner_add() or heki_request_keep() returned.
 */
int heki_live_set(const char *mode);

/**
 * heki_live_missed() - text writes that live mode could not look at
 *
 * Context: May sleep, and as long as heki_live_set().
 * Return: how many; kprobes do not nest, so that a write made from within
 * another probe is lost to ours.
 */
unsigned long heki_live_missed(void);

#endif /* _LVBS_HEKI_LIVE_H */
