/* Lines, text and composition: what the current command says of them, for a drawing. They give NULL,
 * or what was wrong. */
#ifndef VECTOR_H
#define VECTOR_H

#include <spice.h>

const char *read_stroke(QXLDrawable *drawable);
const char *read_text(QXLDrawable *drawable);
const char *read_composite(QXLDrawable *drawable);

#endif
