// SPDX-License-Identifier: Apache-2.0
#ifndef REDIRECT_H
#define REDIRECT_H

#include <stdbool.h>

/* Native XDP on `from` sends every frame that comes in there into `to`. The link, whose closing ends it, or a negative
 * errno. */
int redirect_by_xdp(const char *from, const char *to);

/* A program that gives half of the packets, at random, the one answer (XDP_DROP, …) and half the other; generic: behind
 * the driver. */
int answer_by_xdp(const char *device, int answer, int other, bool generic);

/* The same of tc, by a link and without a qdisc (TCX_DROP, …). */
int answer_by_tcx(const char *device, bool at_ingress, int answer, int other);

#endif
