// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the kernel write any bytes to any address of its text, as an attacker with
 * code execution in VTL0 could: by text_poke(), or as an instruction that is queued.
 *
 * Write "VA HEXBYTES CONTEXT" to /sys/kernel/debug/attacker/write. CONTEXT is
 *
 *	plain		process context
 *	nopreempt	preemption disabled
 *	noirq		interrupts disabled
 *	queue		process context, as an instruction: queued, then written
 *	queue_nopreempt	the same, queued with preemption disabled
 *	queue_noirq	the same, queued with interrupts disabled
 *	single		process context, as an instruction by itself
 *	fill		process context, through text_poke_set() like the BPF
 *			allocator: writes the first byte, once for each byte of
 *			HEXBYTES
 *	alias		process context: by a mapping of its own, behind text_poke()
 *	two_pages	process context: one write of two whole pages, the second
 *			of which is VA's, that changes nothing else
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

/* Kernels without linux/hex.h declare hex2bin() in linux/kernel.h. */
#if __has_include("linux/hex.h")
#include <linux/hex.h>
#endif

#define BYTES_MAX	16

static void *(*poke)(void *addr, const void *opcode, size_t len);
static void *(*poke_set)(void *addr, int c, size_t len);
static void (*queue)(void *addr, const void *opcode, size_t len,
		     const void *emulate);
static void (*finish)(void);
static void (*single)(void *addr, const void *opcode, size_t len,
		      const void *emulate);
static struct mutex *poke_mutex;
static struct dentry *dir;

/* kallsyms_lookup_name() is not exported; a kprobe finds its address. */
static unsigned long lookup_symbol(const char *name)
{
	static unsigned long (*lookup)(const char *name);
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (!lookup && !register_kprobe(&probe)) {
		lookup = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	return lookup ? lookup(name) : 0;
}

static int attack_two_pages(void *addr, const u8 *bytes, size_t len)
{
	void *start = (void *)round_down((unsigned long)addr, PAGE_SIZE) -
		      PAGE_SIZE;
	u8 *pages = vmalloc(2 * PAGE_SIZE);

	if (!pages)
		return -ENOMEM;
	mutex_lock(poke_mutex);
	memcpy(pages, start, 2 * PAGE_SIZE);
	memcpy(pages + (addr - start), bytes, len);
	poke(start, pages, 2 * PAGE_SIZE);
	mutex_unlock(poke_mutex);
	vfree(pages);
	return 0;
}

static bool is_vmalloc_or_module(const void *addr)
{
	return is_vmalloc_addr(addr) || ((unsigned long)addr >= MODULES_VADDR &&
					 (unsigned long)addr < MODULES_END);
}

static int attack_alias(void *addr, const u8 *bytes, size_t len)
{
	struct page *page = is_vmalloc_or_module(addr) ? vmalloc_to_page(addr) :
			    pfn_to_page(PHYS_PFN(__pa_symbol(addr)));
	u8 *alias;

	if (offset_in_page(addr) + len > PAGE_SIZE)
		return -EINVAL;
	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!alias)
		return -ENOMEM;
	memcpy(alias + offset_in_page(addr), bytes, len);
	vunmap(alias);
	return 0;
}

/* The kernel stops with a BUG if it does not know the instruction. */
static int attack_insn(void *addr, const u8 *bytes, size_t len, const char *how)
{
	unsigned long flags;
	int err = 0;

	mutex_lock(poke_mutex);
	if (!strcmp(how, "queue")) {
		queue(addr, bytes, len, NULL);
	} else if (!strcmp(how, "queue_nopreempt")) {
		preempt_disable();
		queue(addr, bytes, len, NULL);
		preempt_enable();
	} else if (!strcmp(how, "queue_noirq")) {
		local_irq_save(flags);
		queue(addr, bytes, len, NULL);
		local_irq_restore(flags);
	} else if (!strcmp(how, "single")) {
		single(addr, bytes, len, NULL);
	} else {
		err = -EINVAL;
	}
	finish();
	mutex_unlock(poke_mutex);
	return err;
}

static int attack(void *addr, const u8 *bytes, size_t len, const char *how)
{
	unsigned long flags;
	int err = 0;

	if (!strcmp(how, "two_pages"))
		return attack_two_pages(addr, bytes, len);
	if (!strcmp(how, "alias"))
		return attack_alias(addr, bytes, len);
	if (!strncmp(how, "queue", 5) || !strcmp(how, "single"))
		return attack_insn(addr, bytes, len, how);

	mutex_lock(poke_mutex);
	if (!strcmp(how, "plain")) {
		poke(addr, bytes, len);
	} else if (!strcmp(how, "nopreempt")) {
		preempt_disable();
		poke(addr, bytes, len);
		preempt_enable();
	} else if (!strcmp(how, "noirq")) {
		local_irq_save(flags);
		poke(addr, bytes, len);
		local_irq_restore(flags);
	} else if (strcmp(how, "fill")) {
		err = -EINVAL;
	}
	mutex_unlock(poke_mutex);

	/* text_poke_set() takes text_mutex itself. */
	if (!strcmp(how, "fill"))
		poke_set(addr, bytes[0], len);
	return err;
}

static ssize_t attack_write(struct file *file, const char __user *ubuf,
			    size_t len, loff_t *ppos)
{
	char line[80], hex[2 * BYTES_MAX + 1], how[16];
	unsigned long addr;
	u8 bytes[BYTES_MAX];
	size_t nr;
	int err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	if (sscanf(line, "%lx %32s %15s", &addr, hex, how) != 3)
		return -EINVAL;
	nr = strlen(hex) / 2;
	if (hex2bin(bytes, hex, nr))
		return -EINVAL;
	err = attack((void *)addr, bytes, nr, how);
	return err ?: len;
}

static const struct file_operations attack_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = attack_write,
};

/* Since 6.16 the second name. */
static void *lookup_either(const char *name, const char *other)
{
	return (void *)(lookup_symbol(name) ?: lookup_symbol(other));
}

static int __init attacker_init(void)
{
	poke = (void *)lookup_symbol("text_poke");
	poke_set = (void *)lookup_symbol("text_poke_set");
	poke_mutex = (void *)lookup_symbol("text_mutex");
	queue = lookup_either("text_poke_queue", "smp_text_poke_batch_add");
	finish = lookup_either("text_poke_finish", "smp_text_poke_batch_finish");
	single = lookup_either("text_poke_bp", "smp_text_poke_single");
	if (!poke || !poke_set || !poke_mutex || !queue || !finish || !single)
		return -ENOENT;
	dir = debugfs_create_dir("attacker", NULL);
	debugfs_create_file("write", 0200, dir, NULL, &attack_fops);
	return 0;
}

static void __exit attacker_exit(void)
{
	debugfs_remove(dir);
}

module_init(attacker_init);
module_exit(attacker_exit);
MODULE_DESCRIPTION("lvbs test: forged writes to kernel text");
MODULE_LICENSE("GPL");
