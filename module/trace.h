/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: one event for each mapping, copy fault, refusal, patch verdict,
 * text write of the running kernel, ring write and log line.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM lvbs

#if !defined(_LVBS_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _LVBS_TRACE_H

#include <linux/tracepoint.h>

#include <lvbs/vmap_manager.h>

TRACE_EVENT(phys_map,
	TP_PROTO(const struct phys_frames *frames, bool writable),
	TP_ARGS(frames, writable),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned long, nr)
		__field(bool, writable)
	),
	TP_fast_assign(
		__entry->pfn = phys_frame(frames, 0);
		__entry->nr = frames->nr;
		__entry->writable = writable;
	),
	TP_printk("pfn=0x%lx nr=%lu %s", __entry->pfn, __entry->nr,
		  __entry->writable ? "rw" : "ro")
);

TRACE_EVENT(phys_fault,
	TP_PROTO(unsigned long pfn, unsigned int offset, bool write),
	TP_ARGS(pfn, offset, write),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, offset)
		__field(bool, write)
	),
	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->offset = offset;
		__entry->write = write;
	),
	TP_printk("pfn=0x%lx offset=0x%x %s", __entry->pfn, __entry->offset,
		  __entry->write ? "write" : "read")
);

TRACE_EVENT(phys_refuse,
	TP_PROTO(unsigned long pfn, int err),
	TP_ARGS(pfn, err),
	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->err = err;
	),
	TP_printk("pfn=0x%lx err=%d", __entry->pfn, __entry->err)
);

TRACE_EVENT(heki_verdict,
	TP_PROTO(u64 pa, unsigned int size, const char *step,
		 const char *reason, int err),
	TP_ARGS(pa, size, step, reason, err),
	TP_STRUCT__entry(
		__field(u64, pa)
		__field(unsigned int, size)
		__field(int, err)
		__string(step, step)
		__string(reason, reason)
	),
	TP_fast_assign(
		__entry->pa = pa;
		__entry->size = size;
		__entry->err = err;
		lvbs_assign_str(step, step);
		lvbs_assign_str(reason, reason);
	),
	TP_printk("pa=0x%llx size=%u step=%s reason=%s err=%d", __entry->pa,
		  __entry->size, __get_str(step), __get_str(reason),
		  __entry->err)
);

/* As much of a write as is shown. */
#define TRACE_TEXT_BYTES	8

TRACE_EVENT(heki_text_write,
	TP_PROTO(const char *kind, const void *addr, size_t len, const u8 *old,
		 const u8 *new, const char *verdict),
	TP_ARGS(kind, addr, len, old, new, verdict),
	TP_STRUCT__entry(
		__field(const void *, addr)
		__field(size_t, len)
		__field(unsigned int, shown)
		__array(u8, old, TRACE_TEXT_BYTES)
		__array(u8, new, TRACE_TEXT_BYTES)
		__string(kind, kind)
		__string(verdict, verdict)
	),
	TP_fast_assign(
		__entry->addr = addr;
		__entry->len = len;
		__entry->shown = min_t(size_t, len, TRACE_TEXT_BYTES);
		memcpy(__entry->old, old, TRACE_TEXT_BYTES);
		memcpy(__entry->new, new, TRACE_TEXT_BYTES);
		lvbs_assign_str(kind, kind);
		lvbs_assign_str(verdict, verdict);
	),
	TP_printk("kind=%s addr=%pS len=%zu old=%s new=%s verdict=%s",
		  __get_str(kind), __entry->addr, __entry->len,
		  __print_hex_str(__entry->old, __entry->shown),
		  __print_hex_str(__entry->new, __entry->shown),
		  __get_str(verdict))
);

TRACE_EVENT(ring_write,
	TP_PROTO(const char *ring, size_t len, const char *path, int err),
	TP_ARGS(ring, len, path, err),
	TP_STRUCT__entry(
		__string(ring, ring)
		__field(size_t, len)
		__string(path, path)
		__field(int, err)
	),
	TP_fast_assign(
		lvbs_assign_str(ring, ring);
		__entry->len = len;
		lvbs_assign_str(path, path);
		__entry->err = err;
	),
	TP_printk("ring=%s len=%zu path=%s err=%d", __get_str(ring),
		  __entry->len, __get_str(path), __entry->err)
);

TRACE_EVENT(log_message,
	TP_PROTO(const char *text),
	TP_ARGS(text),
	TP_STRUCT__entry(
		__string(text, text)
	),
	TP_fast_assign(
		lvbs_assign_str(text, text);
	),
	TP_printk("%s", __get_str(text))
);

#endif /* _LVBS_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
