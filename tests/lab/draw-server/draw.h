/* The commands that draw: each reads the pairs of the current command. They give NULL, or what was
 * wrong. */
#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>

#include "picture.h"

/* The image whose number a value begins with, or NULL. */
Picture *image_of(const char *value);

/* A brush by these names in the current command: image,x,y of a pattern (or none), else a colour. */
const char *read_brush(QXLDrawable *drawable, QXLBrush *brush, const char *pattern_name,
                       const char *colour_name);

/* Says that a drawing reads a surface, as the driver must, if the image is one. */
void depend(QXLDrawable *drawable, int index, const Picture *image, QXLRect area);

const char *make_image(void);

/* One of QXL_DRAW_... */
const char *draw(uint8_t type);

const char *set_cursor(void);
const char *move_cursor(void);

#endif
