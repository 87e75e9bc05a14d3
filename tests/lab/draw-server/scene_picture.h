/* The pictures of the scenes: photographs, and parts of them as a film. */
#ifndef SCENE_PICTURE_H
#define SCENE_PICTURE_H

#include <stdint.h>

#include <spice.h>

/* A photograph-like picture, larger than what is shown of it. */
typedef struct {
    uint32_t width, height, seed;
    int wallpaper;
    uint32_t *pixels;
} Panorama;

/* Made when first asked for, and then the same. It stays: the server's dictionary may read what it was
 * given for as long as it likes. */
const Panorama *panorama_of(uint32_t width, uint32_t height, uint32_t seed);

/* The same as a screen has photographs: a sky of few steps, a picture shown at twice its size, grain only
 * in part of it. */
const Panorama *wallpaper_of(uint32_t width, uint32_t height, uint32_t seed);

/* A part of a panorama as an image that refers to it. To be freed with free(). */
QXLImage *panorama_part(const Panorama *panorama, uint32_t x, uint32_t y, uint32_t width,
                        uint32_t height);

/* The same in colours of its own, so that no two have pixels in common. Has its own pixels, in one
 * block. */
QXLImage *panorama_photo(const Panorama *panorama, uint32_t x, uint32_t y, uint32_t width,
                         uint32_t height, uint32_t seed);

#endif
