/* A QXL device without a machine around it: libspice-server asks it for commands, we queue them. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

/* Adds the device to the server. */
void device_init(SpiceServer *server);

/* The first surface, the one on the screen. */
void device_create_primary(uint32_t width, uint32_t height, uint32_t format);
void device_destroy_primary(void);

/* Surfaces off the screen. */
void device_create_surface(uint32_t id, uint32_t width, uint32_t height, uint32_t format);
void device_destroy_surface(uint32_t id);

/* An empty drawing of a surface, to be filled in and queued. `extra` is freed with it. */
QXLDrawable *device_drawable(uint32_t surface, uint8_t type, QXLRect box, void *extra);
void device_draw(QXLDrawable *drawable);
void device_discard(QXLDrawable *drawable);

/* Zeroed memory that is freed with the drawing. */
void *device_extra(QXLDrawable *drawable, size_t size);

/* Cursor commands; `extra` is freed with it. */
QXLCursorCmd *device_cursor(uint8_t type, void *extra);
void device_point(QXLCursorCmd *cursor);

/* Drawings since the start: handed over, given back (not needed any more: sent or covered, and not
 * kept for the screen), and still in the queue. */
typedef struct {
    uint64_t drawn, released, queued;
} DeviceCounts;
void device_counts(DeviceCounts *counts);

/* Waits until at most so many drawings are in the queue. False: not in time. */
bool device_wait_taken(uint64_t most, int milliseconds);

/* A drawing of the first pixel, and the wait for all but so many of them to be given back: then what
 * was drawn before them has been sent, or covered. (Other drawings tell nothing when they are given
 * back: a GLZ dictionary keeps them.) False: not in time. */
void device_fence(void);
bool device_wait_fences(uint64_t most, int milliseconds);

/* The screen's size; false if there is none. */
bool device_primary(uint32_t *width, uint32_t *height);

/* Waits until libspice-server has taken all commands. */
void device_flush(void);

/* Tells the client that the first head's width is `mark`, after everything drawn so far. */
void device_mark(uint32_t mark);

/* The guest's pictures get new names from here on: the server and its clients forget the old ones. */
void device_reset_images(void);

/* Bytes from row to row of a surface. */
uint32_t device_stride(uint32_t width, uint32_t format);

/* What libspice-server's own renderer made of a surface; gives NULL if there is none such. */
const uint8_t *device_render(uint32_t surface, uint32_t *width, uint32_t *height, uint32_t *format);

#endif
