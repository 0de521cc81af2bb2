/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The devices that a question is about, and those beside them that it watches. */
#pragma once
#include "kernel.bpf.h"
#include "typed.bpf.h"

/* What a device is to a question. */
enum device_role {
	ROLE_ASKED = 1,	 /* a tun or tap that it is about */
	ROLE_PORT = 2,	 /* of a bridge: frames to groups and to guests are counted */
	ROLE_GUEST = 4,	 /* a tap's port: the senders behind it too, and frames to all */
	ROLE_BRIDGE = 8, /* what the host itself sends by it; what it passes up to the host comes in by it once more */
	ROLE_MACVTAP = 16, /* what its guest sends, and from where */
	ROLE_BELOW = 32,   /* the device below it: frames to and from guests */
};

#define RECEIVES (ROLE_PORT | ROLE_GUEST | ROLE_BELOW)
#define SENDS	 (ROLE_BRIDGE | ROLE_MACVTAP)

struct came_in_by {
	u32 netns;
	u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct came_in_by);
	__type(value, u32);
} device_roles SEC(".maps");

/* By the low bits of the ifindex one of the devices that have these: a look here is much cheaper than one in a hash,
 * and most packets of the host are of none of them. User space writes both (src/engine/device-roles.ts). */
#define PLACES 256

struct device_place {
	u32 netns;
	u32 ifindex;
	u32 roles;
	u32 others; /* have the same low bits */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, u32);
	__type(value, struct device_place);
} device_places SEC(".maps");

/* Of the device with this ifindex in the namespace of `dev`; 0: none. `key` is set where it has some. */
static __always_inline u32 roles_of(bool is_direct, struct net_device *dev, u32 ifindex, struct came_in_by *key)
{
	u32 place = ifindex % PLACES, *roles;
	struct device_place *known = bpf_map_lookup_elem(&device_places, &place);

	if (!known || (known->ifindex != ifindex && !known->others))
		return 0;
	key->netns = netns_by(is_direct, dev);
	key->ifindex = ifindex;
	if (known->ifindex == ifindex && known->netns == key->netns)
		return known->roles;
	roles = known->others ? bpf_map_lookup_elem(&device_roles, key) : NULL;
	return roles ? *roles : 0;
}

static __always_inline bool is_asked(struct net_device *dev, u32 ifindex, struct came_in_by *key)
{
	return roles_of(false, dev, ifindex, key) & ROLE_ASKED;
}
