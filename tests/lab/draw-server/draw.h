/* The commands that draw: each reads the pairs of the current command. They give NULL, or what was
 * wrong. */
#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>

const char *make_image(void);

/* One of QXL_DRAW_... */
const char *draw(uint8_t type);

const char *set_cursor(void);
const char *move_cursor(void);

#endif
