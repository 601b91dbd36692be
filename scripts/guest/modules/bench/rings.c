// SPDX-License-Identifier: GPL-2.0
/*
 * Ring writes, compared with the kernel's ring_buffer and relay: a record into
 * a 64 KiB ring in overwrite mode, and a record into one of many rings.
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/relay.h>
#include <linux/ring_buffer.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <lvbs/phys_ptr.h>
#include <lvbs/ring_buffer.h>

#include "bench.h"

#define RING_BYTES	SZ_64K
#define RECORD_MAX	1024
/* Records per sample: enough to amortise page crossings. */
#define BATCH		128
#define BATCH_ON_DEMAND	16

static struct rings {
	struct lvbs_ring *persistent;
	struct lvbs_ring *on_demand;
	struct trace_buffer *trace;
	struct rchan *relay;
	/* current case */
	size_t len;
	u8 record[RECORD_MAX];
	/* many rings: the last one created */
	char last[LVBS_RING_NAME_MAX + 1];
	unsigned long created;
	phys_addr_t other;
} r;

static int write_records(struct lvbs_ring *ring, unsigned int nr)
{
	int err = 0;

	while (nr-- && !err)
		err = lvbs_ring_write(ring, r.record, r.len);
	return err;
}

static int persistent(void)
{
	return write_records(r.persistent, BATCH);
}

static int on_demand(void)
{
	return write_records(r.on_demand, BATCH_ON_DEMAND);
}

static int trace_ring(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < BATCH && !err; i++)
		err = ring_buffer_write(r.trace, r.len, r.record);
	return err;
}

/* relay_write() returns nothing: relay_works() checks it in advance. */
static int relay(void)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		relay_write(r.relay, r.record, r.len);
	return 0;
}

static struct dentry *relay_file(const char *name, struct dentry *parent,
				 umode_t mode, struct rchan_buf *buf,
				 int *global)
{
	return debugfs_create_file(name, mode, parent, buf,
				   &relay_file_operations);
}

static int relay_remove_file(struct dentry *dentry)
{
	debugfs_remove(dentry);
	return 0;
}

/* Overwrite mode, like the other rings. */
static int relay_overwrite(struct rchan_buf *buf, void *subbuf, void *prev,
			   size_t prev_padding)
{
	return 1;
}

static const struct rchan_callbacks relay_callbacks = {
	.subbuf_start = relay_overwrite,
	.create_buf_file = relay_file,
	.remove_buf_file = relay_remove_file,
};

static bool trace_works(void)
{
	unsigned long before = ring_buffer_entries(r.trace);

	return !trace_ring() && ring_buffer_entries(r.trace) == before + BATCH;
}

static bool relay_works(void)
{
	struct rchan_buf *buf = *get_cpu_ptr(r.relay->buf);
	size_t before = buf->offset;
	bool works;

	relay_write(r.relay, r.record, r.len);
	works = buf->offset == before + r.len;
	put_cpu_ptr(r.relay->buf);
	return works;
}

static const struct bench_case records[] = {
	{ "persistent", persistent, .atomic = true, .batch = BATCH },
	{ "on_demand", on_demand, .batch = BATCH_ON_DEMAND },
	{ "on_demand_vmapped", on_demand, bench_vmap_begin, bench_vmap_end,
	  .batch = BATCH_ON_DEMAND },
	{ "trace_ring", trace_ring, .atomic = true, .batch = BATCH },
	{ "relay", relay, .atomic = true, .batch = BATCH },
};

static const size_t record_bytes[] = { 16, 64, 256, 1024 };

static int measure_records(void)
{
	unsigned int s, c;
	int err = 0;

	r.len = record_bytes[0];
	if (!trace_works() || !relay_works())
		return -EIO;
	for (s = 0; s < ARRAY_SIZE(record_bytes); s++) {
		r.len = record_bytes[s];
		for (c = 0; !err && c < ARRAY_SIZE(records); c++)
			err = bench_measure("ring", &records[c], r.len, 101);
	}
	return err;
}

/*
 * The cost of an operation by the number of rings.
 */

static int find_last(void)
{
	struct lvbs_ring *ring = lvbs_ring_get(r.last);

	if (!ring)
		return -ENOENT;
	lvbs_ring_put(ring);
	return 0;
}

static int get_last(void)
{
	r.persistent = lvbs_ring_get(r.last);
	return r.persistent ? 0 : -ENOENT;
}

static void put_last(void)
{
	if (r.persistent)
		lvbs_ring_put(r.persistent);
	r.persistent = NULL;
}

/* Each ring protects its pages; each write looks up protections. */
static int write_elsewhere(void)
{
	return phys_write_obj_at(lvbs_vmap_manager(), r.other,
				 (u64 *)r.record);
}

static const struct bench_case many_rings[] = {
	{ "persistent", persistent, get_last, put_last, .atomic = true,
	  .batch = BATCH },
	{ "on_demand", on_demand, .batch = BATCH_ON_DEMAND },
	{ "by_name", find_last },
	{ "phys_write", write_elsewhere },
};

static int create_rings(unsigned long nr)
{
	int err = 0;

	while (r.created < nr && !err) {
		snprintf(r.last, sizeof(r.last), "bench.%lu", r.created);
		err = lvbs_ring_new(r.last, 1, LVBS_RING_PERSISTENT);
		r.created += !err;
	}
	return err;
}

static void remove_rings(void)
{
	while (r.created) {
		snprintf(r.last, sizeof(r.last), "bench.%lu", --r.created);
		lvbs_ring_remove(r.last);
	}
}

static int measure_many_rings(void)
{
	static const unsigned long counts[] = { 1, 10, 100, 1000 };
	unsigned int n, c;
	int err = 0;

	r.len = 64;
	for (n = 0; n < ARRAY_SIZE(counts); n++) {
		err = err ?: create_rings(counts[n]);
		for (c = 0; !err && c < ARRAY_SIZE(many_rings); c++)
			err = bench_measure("rings", &many_rings[c],
					    counts[n], 101);
	}
	remove_rings();
	return err;
}

static int rings_alloc(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err;

	if (!page)
		return -ENOMEM;
	r.other = page_to_phys(page);
	err = lvbs_ring_new("bench.persistent", RING_BYTES / PAGE_SIZE,
			    LVBS_RING_PERSISTENT);
	err = err ?: lvbs_ring_new("bench.on_demand", RING_BYTES / PAGE_SIZE,
				   LVBS_RING_ONDEMAND);
	if (err)
		return err;
	r.persistent = lvbs_ring_get("bench.persistent");
	r.on_demand = lvbs_ring_get("bench.on_demand");
	r.trace = ring_buffer_alloc(RING_BYTES, RB_FL_OVERWRITE);
	r.relay = relay_open("bench", NULL, RING_BYTES / 4, 4,
			     &relay_callbacks, NULL);
	return r.trace && r.relay ? 0 : -ENOMEM;
}

static void rings_free(void)
{
	if (r.relay)
		relay_close(r.relay);
	if (r.trace)
		ring_buffer_free(r.trace);
	if (r.on_demand)
		lvbs_ring_put(r.on_demand);
	put_last();
	lvbs_ring_remove("bench.on_demand");
	lvbs_ring_remove("bench.persistent");
	if (r.other)
		__free_page(pfn_to_page(PHYS_PFN(r.other)));
}

int bench_rings(void)
{
	int err = rings_alloc();

	err = err ?: measure_records();
	put_last();
	err = err ?: measure_many_rings();
	rings_free();
	return err;
}
