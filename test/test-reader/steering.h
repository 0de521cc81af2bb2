// SPDX-License-Identifier: Apache-2.0
#ifndef STEERING_H
#define STEERING_H

#include <stdbool.h>

/* The queue of a packet to the tap that this descriptor belongs to is its skb->mark, modulo the queues; off: the kernel
 * chooses again. Zero or a negative errno. */
int steer_by_mark(int queue, bool on);

#endif
