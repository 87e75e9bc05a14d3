/* A desktop at work: small fills, words, icons, windows that scroll and move. */
#ifndef DESKTOP_H
#define DESKTOP_H

#include <stdint.h>

#include <spice.h>

typedef struct Desktop Desktop;

typedef struct {
    uint64_t fill, copy, cached, copy_bits;
} DesktopCounts;

/* Draws in this part of the screen only. Its pictures may be in use by the server for ever: they are
 * made once and stay. */
Desktop *desktop_make(uint32_t seed, QXLRect area);

/* One step: from one drawing to a few that belong together. */
void desktop_step(Desktop *desktop, DesktopCounts *counts);

#endif
