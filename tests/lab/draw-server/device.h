/* A QXL device without a machine around it: libspice-server asks it for commands, we queue them. */
#ifndef DEVICE_H
#define DEVICE_H

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

/* Cursor commands; `extra` is freed with it. */
QXLCursorCmd *device_cursor(uint8_t type, void *extra);
void device_point(QXLCursorCmd *cursor);

/* Waits until libspice-server has taken all commands. */
void device_flush(void);

/* Tells the client that the first head's width is `mark`, after everything drawn so far. */
void device_mark(uint32_t mark);

/* What libspice-server's own renderer made of a surface; gives NULL if there is none such. */
const uint8_t *device_render(uint32_t surface, uint32_t *width, uint32_t *height, uint32_t *format);

#endif
