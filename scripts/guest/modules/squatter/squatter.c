// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile VTL0: declares memory that is not its own, in lists of any length.
 *
 * /sys/module/squatter/parameters:
 *
 * status	lines that begin with a name
 *		list PA N		the current list, as calls want it
 *		nested RESULT		of the last nested request
 *		NAME VA PA		what can be declared: page0 and page1;
 *					text of this module, text_alias by vmap()
 *					and text_linear in the direct map; bpf and
 *					trampoline, if the kernel makes such code
 * command	new ROOM		begin a list
 *		ranges ATTRIBUTES N VA PA BYTES STRIDE
 *					add N ranges, each STRIDE bytes further
 *		site PA			add a patch-info blob with a short jump at PA
 *		free			add all free memory as data
 *		protect PA		protect a page by phys_protect(), and undo it
 *		offline 0|1		set or clear PageOffline of page0
 *		nest PA			request a patch at PA from a probe on
 *					the next lvbs:phys_refuse
 */
#include <linux/filter.h>
#include <linux/ftrace.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/notifier.h>
#include <linux/page-flags.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>

#include <lvbs/heki.h>
#include <lvbs/phys_ptr.h>
#include <lvbs/vmap_manager.h>

static u8 *pages[2];

/* Patches as VTL1 reads them. */
static struct wire {
	struct heki_patch_info info;
	struct heki_patch site;
	struct heki_patch request;
} *wire;

static noinline void squatter_text(void)
{
	asm volatile("");
}

static u64 pa_of(const void *va)
{
	struct page *page = virt_addr_valid(va) ? virt_to_page(va) :
			    vmalloc_to_page(va);

	return page_to_phys(page) + offset_in_page(va);
}

/* ---- the list ---- */

static struct heki_page *list;
static u64 nranges, room;

static int list_new(u64 nr)
{
	vfree(list);
	nranges = 0;
	room = nr;
	list = vzalloc(DIV_ROUND_UP(nr, HEKI_PAGE_RANGES) * sizeof(*list));
	return list ? 0 : -ENOMEM;
}

static int range_add(u64 attributes, u64 va, u64 pa, u64 bytes)
{
	struct heki_page *page = list + nranges / HEKI_PAGE_RANGES;
	u64 i = nranges % HEKI_PAGE_RANGES;

	if (!list || nranges == room)
		return -ENOSPC;
	if (nranges && !i)
		page[-1].next_pa = cpu_to_le64(pa_of(page));
	page->ranges[i] = (struct heki_range) {
		.va = cpu_to_le64(va),
		.pa = cpu_to_le64(pa),
		.epa = cpu_to_le64(pa + bytes),
		.attributes = cpu_to_le64(attributes),
	};
	page->nranges = cpu_to_le64(i + 1);
	nranges++;
	return 0;
}

static int ranges_add(u64 attributes, u64 nr, u64 va, u64 pa, u64 bytes,
		      u64 stride)
{
	int err = 0;

	for (; !err && nr; nr--, va += stride, pa += stride)
		err = range_add(attributes, va, pa, bytes);
	return err;
}

static int site_add(u64 pa)
{
	wire->info.patch_idx = cpu_to_le64(1);
	wire->info.max_patch_count = cpu_to_le64(1);
	wire->site = (struct heki_patch) {
		.pa[0] = cpu_to_le64(pa), .size = 2, .code = { 0xeb, 0x10 },
	};
	return range_add(HEKI_MOD_PATCH, (unsigned long)wire, pa_of(wire),
			 offsetof(struct wire, request));
}

/* Adds the memory that nothing refers to, which includes all that is free. */
static int free_memory_add(void)
{
	unsigned long pfn, first = 0, end = node_end_pfn(0);
	struct page *page;
	int err = 0;

	for (pfn = first; !err && pfn <= end; pfn++) {
		page = pfn < end ? pfn_to_online_page(pfn) : NULL;
		if (page && !PageReserved(page) && !page_count(page))
			continue;
		if (pfn > first)
			err = range_add(HEKI_MOD_DATA, 0, PFN_PHYS(first),
					PFN_PHYS(pfn - first));
		first = pfn + 1;
	}
	return err;
}

/* ---- claims and tracepoints of VTL1 ---- */

static int protect_once(u64 pa)
{
	struct phys_protection prot = { .owner = "squatter" };
	int err;

	err = phys_protect(lvbs_vmap_manager(), &prot, PHYS_PFN(pa), 1);
	if (!err)
		phys_unprotect(lvbs_vmap_manager(), &prot);
	return err;
}

static bool nest;
static long nested;

static void on_refuse(void *data, unsigned long pfn, int err)
{
	if (xchg(&nest, false))
		nested = lvbs_vtlcall(HEKI_VTLCALL_PATCH_TEXT,
				      pa_of(&wire->request), 0, 0);
}

static int nest_request(u64 pa)
{
	wire->request = (struct heki_patch) {
		.pa[0] = cpu_to_le64(pa), .size = 1, .code = { 0xcc },
	};
	nested = 0;
	nest = true;
	return 0;
}

static struct tracepoint *refuse;

/* Also called for modules that are already loaded. */
static int find_refuse(struct notifier_block *nb, unsigned long event,
		       void *arg)
{
	const struct module *mod = ((struct tp_module *)arg)->mod;
	unsigned int i;

	if (event != MODULE_STATE_COMING || strcmp(mod->name, "lvbs"))
		return NOTIFY_OK;
	for (i = 0; i < mod->num_tracepoints; i++) {
		struct tracepoint *tp =
			tracepoint_ptr_deref(&mod->tracepoints_ptrs[i]);

		if (!strcmp(tp->name, "phys_refuse"))
			refuse = tp;
	}
	return NOTIFY_OK;
}

static struct notifier_block find_refuse_nb = { .notifier_call = find_refuse };

static int set_offline(bool offline)
{
	if (offline)
		__SetPageOffline(virt_to_page(pages[0]));
	else
		__ClearPageOffline(virt_to_page(pages[0]));
	return 0;
}

/* ---- code of others ---- */

static void *text_alias;
static struct bpf_prog *prog;

static void on_text(unsigned long ip, unsigned long parent_ip,
		    struct ftrace_ops *ops, struct ftrace_regs *regs)
{
}

static struct ftrace_ops text_ops = { .func = on_text };

static int code_make(void)
{
	struct sock_filter insn = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog_kern filter = { .len = 1, .filter = &insn };
	struct page *page = vmalloc_to_page(squatter_text);
	int err = 0;

	text_alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!text_alias)
		return -ENOMEM;
	if (IS_ENABLED(CONFIG_NET))
		err = bpf_prog_create(&prog, &filter);
	err = err ?: ftrace_set_filter(&text_ops, "squatter_text",
				       strlen("squatter_text"), 1);
	return err ?: register_ftrace_function(&text_ops);
}

static void code_free(void)
{
	unregister_ftrace_function(&text_ops);
	ftrace_free_filter(&text_ops);
	if (IS_ENABLED(CONFIG_NET) && prog)
		bpf_prog_destroy(prog);
	vunmap(text_alias);
}

/* ---- parameters ---- */

static int command_set(const char *words, const struct kernel_param *param)
{
	long long a[6] = {};
	char verb[16];

	if (sscanf(words, "%15s %lli %lli %lli %lli %lli %lli", verb, &a[0],
		   &a[1], &a[2], &a[3], &a[4], &a[5]) < 1)
		return -EINVAL;
	if (!strcmp(verb, "new"))
		return list_new(a[0]);
	if (!strcmp(verb, "ranges"))
		return ranges_add(a[0], a[1], a[2], a[3], a[4], a[5]);
	if (!strcmp(verb, "site"))
		return site_add(a[0]);
	if (!strcmp(verb, "free"))
		return free_memory_add();
	if (!strcmp(verb, "protect"))
		return protect_once(a[0]);
	if (!strcmp(verb, "offline"))
		return set_offline(a[0]);
	if (!strcmp(verb, "nest"))
		return nest_request(a[0]);
	return -EINVAL;
}

static const struct kernel_param_ops command_ops = { .set = command_set };
module_param_cb(command, &command_ops, NULL, 0200);
MODULE_PARM_DESC(command, "see the head of squatter.c");

static int address_get(char *buf, int at, const char *name, const void *va)
{
	return sysfs_emit_at(buf, at, "%s 0x%lx 0x%llx\n", name,
			     (unsigned long)va, pa_of(va));
}

static int status_get(char *buf, const struct kernel_param *param)
{
	int n;

	n = sysfs_emit(buf, "list 0x%llx %llu\nnested %ld\n", pa_of(list),
		       nranges, nested);
	n += address_get(buf, n, "page0", pages[0]);
	n += address_get(buf, n, "page1", pages[1]);
	n += address_get(buf, n, "text", squatter_text);
	n += address_get(buf, n, "text_alias", text_alias);
	n += address_get(buf, n, "text_linear", __va(pa_of(squatter_text)));
	if (prog && prog->jited)
		n += address_get(buf, n, "bpf", prog->bpf_func);
	if (text_ops.trampoline)
		n += address_get(buf, n, "trampoline",
				 (void *)text_ops.trampoline);
	return n;
}

static const struct kernel_param_ops status_ops = { .get = status_get };
module_param_cb(status, &status_ops, NULL, 0400);
MODULE_PARM_DESC(status, "the list, addresses, and the nested result");

static void squatter_free(void)
{
	if (refuse)
		tracepoint_probe_unregister(refuse, on_refuse, NULL);
	tracepoint_synchronize_unregister();
	unregister_tracepoint_module_notifier(&find_refuse_nb);
	code_free();
	vfree(list);
	free_page((unsigned long)wire);
	free_page((unsigned long)pages[0]);
	free_page((unsigned long)pages[1]);
}

static int __init squatter_init(void)
{
	int err = -ENOMEM;

	pages[0] = (u8 *)get_zeroed_page(GFP_KERNEL);
	pages[1] = (u8 *)get_zeroed_page(GFP_KERNEL);
	wire = (struct wire *)get_zeroed_page(GFP_KERNEL);
	if (pages[0] && pages[1] && wire)
		err = list_new(1);
	err = err ?: code_make();
	err = err ?: register_tracepoint_module_notifier(&find_refuse_nb);
	if (!err)
		err = refuse ? tracepoint_probe_register(refuse, on_refuse, NULL) :
			       -ENOENT;
	if (err)
		squatter_free();
	return err;
}

static void __exit squatter_exit(void)
{
	squatter_free();
}

module_init(squatter_init);
module_exit(squatter_exit);
MODULE_DESCRIPTION("lvbs test: declares memory of others");
MODULE_LICENSE("GPL");
