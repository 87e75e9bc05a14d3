/* The pictures of the scenes: photographs, and parts of them as a film.
 *
 * What is left of them after compression without loss is about what is left of real ones.
 */
#include "scene_picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t mix(uint32_t value) {
    value ^= value >> 16;
    value *= 0x7feb352dU;
    value ^= value >> 15;
    value *= 0x846ca68bU;
    return value ^ (value >> 16);
}

/* 0 to 255 at the crossings of a grid, in between by slopes. */
static int32_t soft(uint32_t seed, uint32_t x, uint32_t y, uint32_t shift) {
    uint32_t gx = x >> shift, gy = y >> shift;
    int32_t size = 1 << shift;
    int32_t fx = (int32_t)(x & (uint32_t)(size - 1)), fy = (int32_t)(y & (uint32_t)(size - 1));
#define AT(i, j) ((int32_t)(mix(seed + (gx + (i)) * 0x85ebca6bU + (gy + (j)) * 0xc2b2ae35U) & 255))
    int32_t top = AT(0, 0) * (size - fx) + AT(1, 0) * fx;
    int32_t bottom = AT(0, 1) * (size - fx) + AT(1, 1) * fx;
#undef AT
    return (int32_t)(((int64_t)top * (size - fy) + (int64_t)bottom * fy) >> (2 * shift));
}

static uint32_t clamp(int32_t value) {
    return value < 0 ? 0 : value > 255 ? 255 : (uint32_t)value;
}

/* Soft shapes of many sizes, edges, and grain on everything. */
static uint32_t from_camera(uint32_t seed, uint32_t width, uint32_t x, uint32_t y) {
    int32_t light = soft(seed, x, y, 8) + soft(seed + 1, x, y, 6) / 2 + soft(seed + 2, x, y, 4) / 4 +
                    soft(seed + 3, x, y, 2) / 8;
    int32_t hue = soft(seed + 4, x, y, 7);
    /* What stands before it has an edge. */
    int32_t edge = soft(seed + 5, x, y, 6) > 140 ? 60 : 0;
    uint32_t grain = mix(seed + y * width + x);
    int32_t red = light / 2 + hue / 3 - edge + (int32_t)(grain & 7);
    int32_t green = light / 2 + 20 - edge / 2 + (int32_t)(grain >> 3 & 7);
    int32_t blue = light / 2 + (255 - hue) / 3 + edge + (int32_t)(grain >> 6 & 7);
    return clamp(red) << 16 | clamp(green) << 8 | clamp(blue);
}

/* The upper third sky in steps; below the picture at 200 %; grain of single pixels in a corner. */
static uint32_t on_screen(uint32_t seed, uint32_t width, uint32_t height, uint32_t x, uint32_t y) {
    if (y < height / 3) {
        int32_t step = (int32_t)(y / 9) * 2 + soft(seed + 8, x, y, 7) / 48 * 3;
        return clamp(70 + step) << 16 | clamp(110 + step) << 8 | clamp(200 + step / 2);
    }
    if (x > width * 3 / 4 && y > height * 3 / 4) {
        return from_camera(seed, width, x, y);
    }
    return from_camera(seed, width, x / 2, y / 2);
}

static Panorama panorama_make(uint32_t width, uint32_t height, uint32_t seed, int wallpaper) {
    Panorama panorama = {.width = width, .height = height, .seed = seed, .wallpaper = wallpaper};
    /* A row to spare: a part's last row is read to the end of its stride. */
    panorama.pixels = malloc((size_t)width * (height + 1) * sizeof(uint32_t));
    if (panorama.pixels == NULL) {
        abort();
    }
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            panorama.pixels[(size_t)y * width + x] =
                wallpaper ? on_screen(seed, width, height, x, y) : from_camera(seed, width, x, y);
        }
    }
    memset(panorama.pixels + (size_t)width * height, 0, width * sizeof(uint32_t));
    return panorama;
}

static const Panorama *find(uint32_t width, uint32_t height, uint32_t seed, int wallpaper) {
    enum { MOST = 16 };
    static Panorama made[MOST];
    int i = 0;
    while (i < MOST && made[i].pixels != NULL) {
        if (made[i].width == width && made[i].height == height && made[i].seed == seed &&
            made[i].wallpaper == wallpaper) {
            return &made[i];
        }
        i++;
    }
    if (i == MOST) {
        /* So many scenes in one run have no need of yet another picture. */
        fprintf(stderr, "draw-server: more than %d different large pictures\n", MOST);
        abort();
    }
    made[i] = panorama_make(width, height, seed, wallpaper);
    return &made[i];
}

const Panorama *panorama_of(uint32_t width, uint32_t height, uint32_t seed) {
    return find(width, height, seed, 0);
}

const Panorama *wallpaper_of(uint32_t width, uint32_t height, uint32_t seed) {
    return find(width, height, seed, 1);
}

static void describe(QXLImage *image, uint32_t width, uint32_t height, const uint32_t *data,
                     uint32_t stride) {
    static uint32_t unique;
    image->descriptor.id = (uint64_t)(0x40000000 + ++unique) << 32 | QXL_IMAGE_GROUP_DRIVER_DONT_CACHE;
    image->descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    image->descriptor.width = width;
    image->descriptor.height = height;
    image->bitmap.format = SPICE_BITMAP_FMT_32BIT;
    image->bitmap.flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN;
    image->bitmap.x = width;
    image->bitmap.y = height;
    image->bitmap.stride = stride;
    image->bitmap.data = (uintptr_t)data;
}

QXLImage *panorama_part(const Panorama *panorama, uint32_t x, uint32_t y, uint32_t width,
                        uint32_t height) {
    QXLImage *image = calloc(1, sizeof(*image));
    if (image == NULL) {
        abort();
    }
    describe(image, width, height, panorama->pixels + (size_t)y * panorama->width + x,
             panorama->width * 4);
    return image;
}

QXLImage *panorama_photo(const Panorama *panorama, uint32_t x, uint32_t y, uint32_t width,
                         uint32_t height, uint32_t seed) {
    /* The pixels come after the image, where they are aligned. */
    enum { BEFORE = (sizeof(QXLImage) + 15) / 16 * 16 };
    uint8_t *block = malloc(BEFORE + (size_t)width * height * 4);
    if (block == NULL) {
        abort();
    }
    memset(block, 0, BEFORE);
    uint32_t *out = (uint32_t *)(void *)(block + BEFORE);
    uint32_t colour = mix(seed) & 0x1f1f1f;
    for (uint32_t row = 0; row < height; row++) {
        const uint32_t *in = panorama->pixels + (size_t)(y + row) * panorama->width + x;
        for (uint32_t column = 0; column < width; column++) {
            *out++ = in[column] ^ colour;
        }
    }
    QXLImage *image = (QXLImage *)(void *)block;
    describe(image, width, height, (uint32_t *)(void *)(block + BEFORE), width * 4);
    return image;
}
