/* Pictures made by rule, in every format a QXL driver can hand over. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

typedef enum { PHOTO, NOISE, TEXT, FLAT, ALPHA } Pattern;

/* A picture in device memory. `image` is what drawing commands point to. */
typedef struct Picture {
    QXLImage image;
    uint8_t *data;
    QXLPalette *palette;
} Picture;

typedef struct {
    uint8_t format; /* SpiceBitmapFmt */
    uint32_t width, height;
    Pattern pattern;
    uint32_t seed;
    uint64_t cache_id; /* 0: not for the cache */
    bool bottom_up;
    uint32_t padding; /* bytes that each row has to spare */
} PictureRule;

/* The number of a pattern or format by its name in the command language; below 0: unknown. */
int picture_pattern(const char *name);
int picture_format(const char *name);

/* 0x00RRGGBB of one pixel; `alpha` is for formats that have it. */
uint32_t picture_colour(Pattern pattern, uint32_t seed, uint32_t width, uint32_t height, uint32_t x,
                        uint32_t y, uint8_t *alpha);

Picture *picture_make(const PictureRule *rule);
void picture_free(Picture *picture);

#endif
