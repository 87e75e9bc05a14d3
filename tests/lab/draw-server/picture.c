/* Pictures made by rule, in every format a QXL driver can hand over. */
#include "picture.h"

#include <stdlib.h>
#include <string.h>

static const char *const pattern_names[] = {"photo", "noise", "text", "flat", "alpha"};
static const char *const format_names[] = {"",   "1le", "1be", "4le",  "4be", "8",
                                           "16", "24",  "32",  "rgba", "a8"};

static int find(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] != '\0' && strcmp(names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int picture_pattern(const char *name) {
    return find(pattern_names, sizeof(pattern_names) / sizeof(*pattern_names), name);
}

int picture_format(const char *name) {
    return find(format_names, sizeof(format_names) / sizeof(*format_names), name);
}

/* The same numbers on every machine. */
static uint32_t mix(uint32_t value) {
    value ^= value >> 16;
    value *= 0x7feb352dU;
    value ^= value >> 15;
    value *= 0x846ca68bU;
    return value ^ (value >> 16);
}

static uint32_t rgb(uint32_t red, uint32_t green, uint32_t blue) {
    return ((red & 0xff) << 16) | ((green & 0xff) << 8) | (blue & 0xff);
}

uint32_t picture_colour(Pattern pattern, uint32_t seed, uint32_t width, uint32_t height, uint32_t x,
                        uint32_t y, uint8_t *alpha) {
    uint32_t here = mix(seed * 0x9e3779b9U + x * 0x85ebca6bU + y * 0xc2b2ae35U);
    *alpha = 255;
    switch (pattern) {
    case PHOTO: {
        /* Slopes with a little grain, and a disc with a hard edge. */
        uint32_t grain = here & 3;
        int64_t dx = (int64_t)x * 2 - width, dy = (int64_t)y * 2 - height;
        uint32_t radius = width < height ? width : height;
        uint32_t shade = dx * dx + dy * dy < (int64_t)radius * radius / 2 ? 96 : 0;
        return rgb(x * 200 / width + grain + shade / 2, y * 180 / height + grain + shade,
                   (x + y) * 160 / (width + height) + (grain ^ 1) + seed % 40);
    }
    case NOISE:
        *alpha = (uint8_t)mix(here);
        return here & 0xffffff;
    case TEXT: {
        /* Rows of small dark shapes on a light ground, most of them from a small alphabet. */
        uint32_t letter = mix(seed + x / 7 * 31 + y / 12 * 57) % 40;
        bool gap = x % 7 == 6 || y % 12 >= 9;
        bool ink = !gap && (mix(letter * 64 + y % 12 * 7 + x % 7) & 3) == 0 && letter > 8;
        return ink ? rgb(20, 20, letter * 3) : rgb(250, 250, 245);
    }
    case FLAT: {
        uint32_t block = mix(seed + x / 37 * 7 + y / 23 * 13) % 6;
        return mix(block + seed) & 0xf8f8f8;
    }
    case ALPHA:
        *alpha = (uint8_t)(x * 255 / width);
        return rgb(*alpha * (y & 1), *alpha / 2, *alpha - (here & 1 & *alpha));
    }
    return 0;
}

static uint32_t bits_per_pixel(uint8_t format) {
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
    case SPICE_BITMAP_FMT_1BIT_BE:
        return 1;
    case SPICE_BITMAP_FMT_4BIT_LE:
    case SPICE_BITMAP_FMT_4BIT_BE:
        return 4;
    case SPICE_BITMAP_FMT_8BIT:
    case SPICE_BITMAP_FMT_8BIT_A:
        return 8;
    case SPICE_BITMAP_FMT_16BIT:
        return 16;
    case SPICE_BITMAP_FMT_24BIT:
        return 24;
    default:
        return 32;
    }
}

static void put(uint8_t *row, uint8_t format, uint32_t x, uint32_t colour, uint8_t alpha) {
    uint8_t red = (uint8_t)(colour >> 16), green = (uint8_t)(colour >> 8), blue = (uint8_t)colour;
    /* A number in the palette: from all three colours, so that patterns stay to be seen. */
    uint8_t number = (uint8_t)((red & 0xe0) | (green & 0xe0) >> 3 | blue >> 6);
    uint32_t short_colour = (uint32_t)(red >> 3) << 10 | (uint32_t)(green >> 3) << 5 | blue >> 3;
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
        row[x / 8] |= (uint8_t)((number >> 7) << x % 8);
        break;
    case SPICE_BITMAP_FMT_1BIT_BE:
        row[x / 8] |= (uint8_t)((number >> 7) << (7 - x % 8));
        break;
    case SPICE_BITMAP_FMT_4BIT_LE:
        row[x / 2] |= (uint8_t)((number >> 4) << (x % 2 * 4));
        break;
    case SPICE_BITMAP_FMT_4BIT_BE:
        row[x / 2] |= (uint8_t)((number >> 4) << (4 - x % 2 * 4));
        break;
    case SPICE_BITMAP_FMT_8BIT:
        row[x] = number;
        break;
    case SPICE_BITMAP_FMT_8BIT_A:
        row[x] = alpha;
        break;
    case SPICE_BITMAP_FMT_16BIT:
        row[x * 2] = (uint8_t)short_colour;
        row[x * 2 + 1] = (uint8_t)(short_colour >> 8);
        break;
    case SPICE_BITMAP_FMT_24BIT:
        row[x * 3] = blue;
        row[x * 3 + 1] = green;
        row[x * 3 + 2] = red;
        break;
    default:
        row[x * 4] = blue;
        row[x * 4 + 1] = green;
        row[x * 4 + 2] = red;
        row[x * 4 + 3] = format == SPICE_BITMAP_FMT_RGBA ? alpha : 0;
        break;
    }
}

static QXLPalette *palette_make(uint8_t format, uint32_t seed) {
    uint32_t count;
    switch (format) {
    case SPICE_BITMAP_FMT_1BIT_LE:
    case SPICE_BITMAP_FMT_1BIT_BE:
        count = 2;
        break;
    case SPICE_BITMAP_FMT_4BIT_LE:
    case SPICE_BITMAP_FMT_4BIT_BE:
        count = 16;
        break;
    case SPICE_BITMAP_FMT_8BIT:
        count = 256;
        break;
    default:
        return NULL;
    }
    QXLPalette *palette = malloc(sizeof(*palette) + count * sizeof(uint32_t));
    if (palette == NULL) {
        abort();
    }
    palette->unique = 0x100000000ULL * (seed + 1) + format;
    palette->num_ents = (uint16_t)count;
    for (uint32_t i = 0; i < count; i++) {
        palette->ents[i] = mix(seed + i) & 0xffffff;
    }
    return palette;
}

Picture *picture_make(const PictureRule *rule) {
    Picture *picture = calloc(1, sizeof(*picture));
    uint32_t stride = (rule->width * bits_per_pixel(rule->format) + 7) / 8 + rule->padding;
    uint8_t *data = calloc(rule->height, stride);
    if (picture == NULL || data == NULL) {
        abort();
    }
    for (uint32_t y = 0; y < rule->height; y++) {
        uint8_t *row = data + (size_t)(rule->bottom_up ? rule->height - 1 - y : y) * stride;
        for (uint32_t x = 0; x < rule->width; x++) {
            uint8_t alpha;
            uint32_t colour = picture_colour(rule->pattern, rule->seed, rule->width, rule->height,
                                             x, y, &alpha);
            put(row, rule->format, x, colour, alpha);
        }
    }
    static uint32_t unique;
    picture->data = data;
    picture->palette = palette_make(rule->format, rule->seed);
    picture->image.descriptor.id = ((uint64_t)++unique << 32) | QXL_IMAGE_GROUP_DRIVER_DONT_CACHE;
    if (rule->cache_id != 0) {
        picture->image.descriptor.id = rule->cache_id;
        picture->image.descriptor.flags = QXL_IMAGE_CACHE;
    }
    picture->image.descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    picture->image.descriptor.width = rule->width;
    picture->image.descriptor.height = rule->height;
    picture->image.bitmap.format = rule->format;
    picture->image.bitmap.flags = QXL_BITMAP_DIRECT | (rule->bottom_up ? 0 : QXL_BITMAP_TOP_DOWN);
    picture->image.bitmap.x = rule->width;
    picture->image.bitmap.y = rule->height;
    picture->image.bitmap.stride = stride;
    picture->image.bitmap.palette = (uintptr_t)picture->palette;
    picture->image.bitmap.data = (uintptr_t)data;
    return picture;
}

void picture_free(Picture *picture) {
    free(picture->data);
    free(picture->palette);
    free(picture);
}
