// SPDX-License-Identifier: GPL-2.0
/*
 * Which rings there are, by name.
 */
#include <linux/ctype.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/string.h>

#include "ring/log.h"
#include "init.h"
#include "ring/ring.h"
#include "ring/registry.h"
#include "phys/vmap_manager_privileged.h"

/*
 * @lock guards the rest, and the nodes of the rings; it is held while a ring is
 * made, ended or told of, so that a name means one ring at a time. The registry
 * holds each of @rings.
 */
static struct {
	struct mutex lock;			/* see above */
	struct list_head rings;			/* __guarded_by(lock) */
	struct rhashtable by_name;		/* the same; __guarded_by(lock) */
	const struct ring_watcher *watcher;	/* __guarded_by(lock); or NULL */
} registry;

/* A name is a key of fixed length, zeros behind its end. */
static const struct rhashtable_params by_name_params = {
	.key_len = sizeof_field(struct lvbs_ring, name),
	.key_offset = offsetof(struct lvbs_ring, name),
	.head_offset = offsetof(struct lvbs_ring, named),
	.automatic_shrinking = true,
};

static bool name_is_good(const char *name)
{
	/* These two are files beside the rings. */
	static const char * const taken[] = { "new", "remove", ".", ".." };
	size_t len = strlen(name), i;

	if (!len || len > LVBS_RING_NAME_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("_.-", name[i])))
			return false;
	return match_string(taken, ARRAY_SIZE(taken), name) < 0;
}

static struct lvbs_ring *registry_find(const char *name)
{
	char key[sizeof_field(struct lvbs_ring, name)];

	lockdep_assert_held(&registry.lock);

	if (strscpy_pad(key, name, sizeof(key)) < 0)
		return NULL;
	return rhashtable_lookup_fast(&registry.by_name, key, by_name_params);
}

/* Is there place for a ring of this name? */
static int registry_may_add(const char *name)
{
	if (!name_is_good(name))
		return -EINVAL;
	return registry_find(name) ? -EEXIST : 0;
}

static int registry_add(struct lvbs_ring *ring)
{
	int err;

	lockdep_assert_held(&registry.lock);

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	err = rhashtable_insert_fast(&registry.by_name, &ring->named,
				     by_name_params);
	if (err) {
		/* It may also call a table full, or busy growing. */
		err = -ENOMEM;
		goto end;
	}
	if (registry.watcher)
		err = registry.watcher->added(ring->name, ring);
	if (err)
		goto remove;
	list_add_tail(&ring->node, &registry.rings);
	return 0;

remove:
	rhashtable_remove_fast(&registry.by_name, &ring->named, by_name_params);
end:
	/* The watcher may have given it to somebody meanwhile. */
	ring_end(ring);
	lvbs_ring_put(ring);
	return err;
}

static void registry_del(struct lvbs_ring *ring)
{
	lockdep_assert_held(&registry.lock);

	list_del(&ring->node);
	rhashtable_remove_fast(&registry.by_name, &ring->named, by_name_params);
	/* First, as whoever waits for bytes would keep the watcher waiting. */
	ring_end(ring);
	if (registry.watcher)
		registry.watcher->removed(ring->name);
	lvbs_ring_put(ring);
}

int lvbs_ring_new(const char *name, unsigned long pages,
		  enum lvbs_ring_mode mode)
{
	int err;

	mutex_lock(&registry.lock);
	err = registry_may_add(name);
	if (!err)
		err = registry_add(ring_make_own(name,
						 vmap_manager_privileged(),
						 pages, mode));
	mutex_unlock(&registry.lock);
	if (!err)
		lvbs_log("ring %s: new, %lu pages", name, pages);
	return err;
}
EXPORT_SYMBOL_GPL(lvbs_ring_new);

int lvbs_ring_new_at(const char *name, phys_addr_t pa, size_t size,
		     enum lvbs_ring_mode mode)
{
	int err;

	mutex_lock(&registry.lock);
	err = registry_may_add(name);
	if (!err)
		err = registry_add(ring_make_at(name,
						vmap_manager_privileged(), pa,
						size, mode));
	mutex_unlock(&registry.lock);
	if (!err)
		lvbs_log("ring %s: new, %zu bytes at %pa", name, size, &pa);
	return err;
}
EXPORT_SYMBOL_GPL(lvbs_ring_new_at);

int lvbs_ring_remove(const char *name)
{
	struct lvbs_ring *ring;
	int err = 0;

	mutex_lock(&registry.lock);
	ring = registry_find(name);
	if (!ring)
		err = -ENOENT;
	else if (ring->fixed)
		err = -EBUSY;
	else
		registry_del(ring);
	mutex_unlock(&registry.lock);
	if (!err)
		lvbs_log("ring %s: removed", name);
	return err;
}
EXPORT_SYMBOL_GPL(lvbs_ring_remove);

struct lvbs_ring *lvbs_ring_get(const char *name)
{
	struct lvbs_ring *ring;

	mutex_lock(&registry.lock);
	ring = registry_find(name);
	if (ring)
		kref_get(&ring->ref);
	mutex_unlock(&registry.lock);
	return ring;
}
EXPORT_SYMBOL_GPL(lvbs_ring_get);

struct lvbs_ring *ring_registry_new_fixed(const char *name,
					  unsigned long pages)
{
	struct lvbs_ring *ring;
	int err;

	mutex_lock(&registry.lock);
	err = registry_may_add(name);
	if (err) {
		ring = ERR_PTR(err);
		goto out;
	}
	ring = ring_make_own(name, vmap_manager_privileged(), pages,
			     LVBS_RING_PERSISTENT);
	if (IS_ERR(ring))
		goto out;
	ring->fixed = true;
	kref_get(&ring->ref);
	err = registry_add(ring);
	if (err) {
		lvbs_ring_put(ring);
		ring = ERR_PTR(err);
	}
out:
	mutex_unlock(&registry.lock);
	return ring;
}

int ring_registry_watch(const struct ring_watcher *watcher)
{
	struct lvbs_ring *ring;
	int err = 0;

	mutex_lock(&registry.lock);
	if (watcher)
		list_for_each_entry(ring, &registry.rings, node)
			err = err ?: watcher->added(ring->name, ring);
	registry.watcher = err ? NULL : watcher;
	mutex_unlock(&registry.lock);
	return err;
}

int rings_init(void)
{
	mutex_init(&registry.lock);
	INIT_LIST_HEAD(&registry.rings);
	return rhashtable_init(&registry.by_name, &by_name_params);
}

void rings_exit(void)
{
	struct lvbs_ring *ring, *next;

	mutex_lock(&registry.lock);
	list_for_each_entry_safe(ring, next, &registry.rings, node)
		registry_del(ring);
	mutex_unlock(&registry.lock);
	rhashtable_destroy(&registry.by_name);
}
