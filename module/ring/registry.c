// SPDX-License-Identifier: GPL-2.0
/*
 * Rings by name.
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

#include "subsystems.h"
#include "phys/vmap_manager_privileged.h"
#include "ring/ring.h"

static struct {
	/*
	 * Guards the rest, and @node and @hash_node of each ring. Held while a
	 * ring is created or removed and while the watcher runs, so that a name
	 * means one ring at a time.
	 */
	struct mutex lock;
	struct list_head rings;		/* holds a reference to each */
	struct rhashtable by_name;
	const struct ring_watcher *watcher;
} registry;

/* The key has a fixed length: names are padded with zeroes. */
static const struct rhashtable_params by_name_params = {
	.key_len = sizeof_field(struct lvbs_ring, name),
	.key_offset = offsetof(struct lvbs_ring, name),
	.head_offset = offsetof(struct lvbs_ring, hash_node),
	.automatic_shrinking = true,
};

static bool name_is_valid(const char *name)
{
	/* new and remove are files in the same debugfs directory. */
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

static int registry_check_new(const char *name)
{
	if (!name_is_valid(name))
		return -EINVAL;
	return registry_find(name) ? -EEXIST : 0;
}

/* Takes over @ring, which may be an ERR_PTR. */
static int registry_add(struct lvbs_ring *ring)
{
	int err;

	lockdep_assert_held(&registry.lock);

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	err = rhashtable_insert_fast(&registry.by_name, &ring->hash_node,
				     by_name_params);
	if (err) {
		/* Also -E2BIG for a full table, -EBUSY for one that grows. */
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
	rhashtable_remove_fast(&registry.by_name, &ring->hash_node,
			       by_name_params);
end:
	/* A file that the watcher created may hold a reference. */
	ring_shutdown(ring);
	lvbs_ring_put(ring);
	return err;
}

static void registry_del(struct lvbs_ring *ring)
{
	lockdep_assert_held(&registry.lock);

	list_del(&ring->node);
	rhashtable_remove_fast(&registry.by_name, &ring->hash_node,
			       by_name_params);
	/* Before the watcher, which may wait for readers that this wakes. */
	ring_shutdown(ring);
	if (registry.watcher)
		registry.watcher->removed(ring->name);
	lvbs_ring_put(ring);
}

int lvbs_ring_new(const char *name, unsigned long pages,
		  enum lvbs_ring_mode mode)
{
	int err;

	mutex_lock(&registry.lock);
	err = registry_check_new(name);
	if (!err)
		err = registry_add(ring_create(name, vmap_manager_privileged(),
					       pages, mode));
	mutex_unlock(&registry.lock);
	if (!err)
		lvbs_log("ring %s: new, %lu pages", name, pages);
	return err;
}
EXPORT_SYMBOL_GPL(lvbs_ring_new);

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

/* Takes over @ring, which may be an ERR_PTR; the caller gets a reference. */
static struct lvbs_ring *registry_add_get(struct lvbs_ring *ring)
{
	int err;

	if (IS_ERR(ring))
		return ring;
	kref_get(&ring->ref);
	err = registry_add(ring);
	if (!err)
		return ring;
	lvbs_ring_put(ring);
	return ERR_PTR(err);
}

/*
 * Create a persistent ring that lvbs_ring_remove() refuses to remove. The
 * caller gets a reference; errors as lvbs_ring_new().
 */
struct lvbs_ring *ring_registry_new_fixed(const char *name,
					  unsigned long pages)
{
	struct lvbs_ring *ring;
	int err;

	mutex_lock(&registry.lock);
	err = registry_check_new(name);
	ring = err ? ERR_PTR(err) :
		     ring_create(name, vmap_manager_privileged(), pages,
				 LVBS_RING_PERSISTENT);
	if (!IS_ERR(ring))
		ring->fixed = true;
	ring = registry_add_get(ring);
	mutex_unlock(&registry.lock);
	return ring;
}

/* As lvbs_ring_new_at(), but the caller gets a reference. */
struct lvbs_ring *ring_registry_new_at(const char *name, phys_addr_t pa,
				       size_t size, enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring;
	int err;

	mutex_lock(&registry.lock);
	err = registry_check_new(name);
	ring = err ? ERR_PTR(err) :
		     ring_create_at(name, vmap_manager_privileged(), pa, size,
				    mode);
	ring = registry_add_get(ring);
	mutex_unlock(&registry.lock);
	if (!IS_ERR(ring))
		lvbs_log("ring %s: new, %zu bytes at %pa", name, size, &pa);
	return ring;
}

int lvbs_ring_new_at(const char *name, phys_addr_t pa, size_t size,
		     enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring = ring_registry_new_at(name, pa, size, mode);

	if (IS_ERR(ring))
		return PTR_ERR(ring);
	lvbs_ring_put(ring);
	return 0;
}
EXPORT_SYMBOL_GPL(lvbs_ring_new_at);

/*
 * Set the watcher, and call its ->added() for each existing ring. NULL removes
 * it. If ->added() fails, no watcher is set.
 */
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
