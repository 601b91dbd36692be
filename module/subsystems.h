/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subsystems in main.c's table. An init function that fails undoes what it
 * has done. All of them may sleep.
 */
#ifndef _LVBS_SUBSYSTEMS_H
#define _LVBS_SUBSYSTEMS_H

int ksym_init(void);

int ram_map_init(void);
void ram_map_exit(void);

#ifdef LVBS_LOCAL_WINDOWS
int local_windows_init(void);
void local_windows_exit(void);
#else
static inline int local_windows_init(void)
{
	return 0;
}

static inline void local_windows_exit(void)
{
}
#endif

int vmap_managers_init(void);
void vmap_managers_exit(void);

int hotplug_init(void);
void hotplug_exit(void);

int kernel_image_init(void);
void kernel_image_exit(void);

int rings_init(void);
void rings_exit(void);

int log_init(void);
void log_exit(void);

int heki_owners_init(void);
void heki_owners_exit(void);

int heki_announce_init(void);
void heki_protect_exit(void);

#ifdef LVBS_LIVE
int live_init(void);
void live_exit(void);
#else
static inline int live_init(void)
{
	return 0;
}

static inline void live_exit(void)
{
}
#endif

int debugfs_init(void);
void debugfs_exit(void);

#ifdef LVBS_RUN_SUITES
int unit_tests_init(void);
void unit_tests_exit(void);
#endif

#endif /* _LVBS_SUBSYSTEMS_H */
