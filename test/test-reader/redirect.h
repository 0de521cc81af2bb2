// SPDX-License-Identifier: Apache-2.0
#ifndef REDIRECT_H
#define REDIRECT_H

#include <stdbool.h>

/* Native XDP on `from` sends every frame that comes in there into `to`. The link, whose closing ends it, or a negative
 * errno. */
int redirect_by_xdp(const char *from, const char *to);

/* A program that answers each packet with this (XDP_DROP, …); generic: behind the driver. */
int answer_by_xdp(const char *device, int answer, bool generic);

#endif
