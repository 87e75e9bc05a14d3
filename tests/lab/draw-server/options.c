/* How libspice-server sends pictures: by the names of the command language. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

const char *option_compression(SpiceServer *server, const char *name) {
    static const char *const names[] = {"",     "off", "auto_glz", "auto_lz",
                                        "quic", "glz", "lz",       "lz4"};
    int mode = choice(name, names, COUNT(names));
    return mode > 0 && spice_server_set_image_compression(server, (SpiceImageCompression)mode) == 0
               ? NULL
               : "compression";
}

static int wan_mode(const char *name) {
    static const char *const names[] = {"", "auto", "always", "never"};
    return choice(name, names, COUNT(names));
}

const char *option_jpeg(SpiceServer *server, const char *name) {
    int mode = wan_mode(name);
    return mode > 0 && spice_server_set_jpeg_compression(server, (spice_wan_compression_t)mode) == 0
               ? NULL
               : "jpeg";
}

const char *option_zlib(SpiceServer *server, const char *name) {
    int mode = wan_mode(name);
    return mode > 0 &&
                   spice_server_set_zlib_glz_compression(server, (spice_wan_compression_t)mode) == 0
               ? NULL
               : "zlib";
}

const char *option_streaming(SpiceServer *server, const char *name) {
    static const char *const names[] = {"", "off", "all", "filter"};
    int mode = choice(name, names, COUNT(names));
    return mode > 0 && spice_server_set_streaming_video(server, mode) == 0 ? NULL : "streaming";
}

const char *option_codec(SpiceServer *server, const char *name) {
    static const char *const names[] = {"mjpeg", "vp8", "vp9", "h264"};
    char list[32];
    if (choice(name, names, COUNT(names)) < 0) {
        return "codec";
    }
    snprintf(list, sizeof(list), "%s:%s", strcmp(name, "mjpeg") == 0 ? "spice" : "gstreamer", name);
    return spice_server_set_video_codecs(server, list) == 0 ? NULL : "codec";
}
