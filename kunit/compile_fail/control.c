// SPDX-License-Identifier: GPL-2.0
/*
 * Correct usage. It compiles, which shows that the other files fail only for
 * the reason that they name.
 */
#include <linux/module.h>

#include <lvbs/phys_ptr.h>

struct record {
	u32 number;
	u8 tail[9];
} __packed;

#define record_ptr		PHYS_PTR_OF(struct record)
#define record_const_ptr	PHYS_CONST_PTR_OF(struct record)

static int use_typed(struct vmap_manager *mgr, phys_addr_t pa,
		     const unsigned long *pfns, struct record *rec)
{
	record_const_ptr c;
	record_ptr p;

	return phys_ptr_of_init(&c, mgr, pa, sizeof(*rec)) ?:
	       phys_ptr_of_init_scattered(&p, mgr, pfns, 2, 0, sizeof(*rec)) ?:
	       phys_read_obj(&c, 0, rec) ?:
	       phys_read_obj(&p, 0, rec) ?:
	       phys_write_obj(&p, 0, rec) ?:
	       phys_write(&p.ptr, 0, rec, 1) ?:
	       phys_read(&p.ro, 0, rec, 1) ?:
	       phys_read_obj_at(mgr, pa, rec) ?:
	       phys_write_obj_at(mgr, pa, rec);
}

static int use_plain(struct vmap_manager *mgr, phys_addr_t pa,
		     const unsigned long *pfns, void *buf)
{
	struct phys_const_ptr c;
	struct phys_ptr p;
	size_t done;

	return phys_const_ptr_init(&c, mgr, pa, 8, 4) ?:
	       phys_const_ptr_init_scattered(&c, mgr, pfns, 2, 0, 8, 1) ?:
	       phys_ptr_init(&p, mgr, pa, 8, sizeof(struct record)) ?:
	       phys_ptr_init_scattered(&p, mgr, pfns, 2, 0, 8, UINT_MAX) ?:
	       phys_read(&c, 0, buf, 1) ?:
	       phys_write(&p, 0, buf, 1) ?:
	       phys_read_bytes(&p.ro, 0, buf, 1, &done) ?:
	       phys_write_bytes(&p, 0, buf, 1, &done) ?:
	       phys_read_to_user(&c, 0, NULL, 1, &done) ?:
	       phys_write_from_user(&p, 0, NULL, 1, &done);
}

static int use_sessions(const struct phys_ptr *p, void *buf)
{
	DEFINE_PHYS_WRITE_SESSION(ws);
	DEFINE_PHYS_SESSION(s);
	struct phys_lock lock;
	int err;

	err = phys_lock(&lock, &p->ro, PHYS_LOCK_SHARED);
	if (err)
		return err;
	err = phys_session_begin(&s, &p->ro) ?:
	      phys_session_read(&s, 0, buf, 1) ?:
	      phys_write_session_begin(&ws, p) ?:
	      phys_session_read(&ws.ro, 0, buf, 1) ?:
	      phys_session_write(&ws, 0, buf, 1);
	phys_unlock(&lock);
	return err;
}

static int __maybe_unused control(struct vmap_manager *mgr,
				  const unsigned long *pfns, void *buf)
{
	struct phys_ptr p;

	return use_typed(mgr, 0x1000, pfns, buf) ?:
	       use_plain(mgr, 0x1000, pfns, buf) ?:
	       phys_ptr_init(&p, mgr, 0x1000, 8, 4) ?:
	       use_sessions(&p, buf);
}
