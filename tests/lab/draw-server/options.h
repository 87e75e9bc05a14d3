/* How libspice-server sends pictures: by the names of the command language. Each gives NULL, or what
 * was wrong. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <spice.h>

const char *option_compression(SpiceServer *server, const char *name);
const char *option_jpeg(SpiceServer *server, const char *name);
const char *option_zlib(SpiceServer *server, const char *name);
const char *option_streaming(SpiceServer *server, const char *name);

/* The codec that streams are to have: mjpeg, vp8, vp9 or h264. */
const char *option_codec(SpiceServer *server, const char *name);

#endif
