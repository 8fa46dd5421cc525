/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The few kernel structures our programs read, with only the fields they read.
 *
 * `preserve_access_index` makes every access a CO-RE relocation: the loader replaces each offset by that of the
 * running kernel, so sizes and positions below mean nothing and no vmlinux.h is needed.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef int s32;
typedef unsigned long long u64;

/* Names the libbpf headers expect. */
typedef u8 __u8;
typedef unsigned short __u16;
typedef short __s16;
typedef u32 __u32;
typedef s32 __s32;
typedef u64 __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

/* Values of the user-space interface (uapi/linux/bpf.h), which do not change. */
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_RINGBUF 27

/* signal_struct.flags: the group has an exit code (linux/sched/signal.h). */
#define SIGNAL_GROUP_EXIT 0x00000004

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned int flags;
};

struct task_struct {
	s32 pid;
	s32 tgid;
	int exit_code;
	u64 start_boottime;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	const struct cred *cred;
	struct signal_struct *signal;
};

/* Linux >= 6.16 passes `group_dead` to the exit tracepoint; this record tells whether it does. */
struct trace_event_raw_sched_process_exit {
	_Bool group_dead;
};

#pragma clang attribute pop
