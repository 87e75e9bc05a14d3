/* Lines, text and composition: what the current command says of them, for a drawing. */
#include "vector.h"

#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "device.h"
#include "draw.h"

enum { MOST_POINTS = 200, MOST_STYLE = 16, MOST_GLYPHS = 40, MOST_GLYPH = 64, FIXED = 16 };

/* FLAGS:X,Y;X,Y|FLAGS:... after another into one chunk, as the driver lays it out. */
static const char *read_path(QXLDrawable *drawable, const char *value) {
    QXLPath *path =
        device_extra(drawable, sizeof(*path) + MOST_POINTS * (sizeof(QXLPathSeg) + sizeof(QXLPointFix)));
    uint8_t *out = path->chunk.data;
    int32_t origin_x, origin_y;
    int points = 0;
    origin_get(&origin_x, &origin_y);
    while (value != NULL && *value != '\0') {
        QXLPathSeg *segment = (QXLPathSeg *)(void *)out;
        char *end;
        segment->flags = (uint32_t)strtoul(value, &end, 0);
        for (value = end; *value == ':' || *value == ';'; value = end) {
            if (++points > MOST_POINTS) {
                return "too many points";
            }
            QXLPointFix *point = &segment->points[segment->count++];
            point->x = (QXLFIXED)strtol(value + 1, &end, 0) + origin_x * FIXED;
            if (*end != ',') {
                return "path";
            }
            point->y = (QXLFIXED)strtol(end + 1, &end, 0) + origin_y * FIXED;
        }
        out = (uint8_t *)&segment->points[segment->count];
        if (*value == '|') {
            value++;
        } else if (*value != '\0') {
            return "path";
        }
    }
    path->data_size = (uint32_t)(out - path->chunk.data);
    path->chunk.data_size = path->data_size;
    drawable->u.stroke.path = (uintptr_t)path;
    return points == 0 ? "path" : NULL;
}

const char *read_stroke(QXLDrawable *drawable) {
    QXLStroke *stroke = &drawable->u.stroke;
    const char *wrong = read_path(drawable, text("path"));
    int64_t segments[MOST_STYLE];
    int count = numbers(text("style"), MOST_STYLE, segments);
    if (count > 0) {
        QXLFIXED *style = device_extra(drawable, MOST_STYLE * sizeof(*style));
        for (int i = 0; i < count; i++) {
            style[i] = (QXLFIXED)segments[i];
        }
        stroke->attr.flags = SPICE_LINE_FLAGS_STYLED;
        stroke->attr.style_nseg = (uint8_t)count;
        stroke->attr.style = (uintptr_t)style;
    }
    if (number("gap", 0) != 0) {
        stroke->attr.flags |= SPICE_LINE_FLAGS_START_WITH_GAP;
    }
    stroke->attr.width = FIXED;
    stroke->fore_mode = (uint16_t)number("rop", SPICE_ROPD_OP_PUT);
    stroke->back_mode = (uint16_t)number("back_rop", SPICE_ROPD_OP_PUT);
    return wrong != NULL ? wrong : read_brush(drawable, &stroke->brush, "brush", "colour");
}

static uint32_t mix(uint32_t value) {
    value ^= value >> 16;
    value *= 0x7feb352dU;
    value ^= value >> 15;
    return value * 0x846ca68bU;
}

const char *read_text(QXLDrawable *drawable) {
    QXLText *out = &drawable->u.text;
    int64_t size[2] = {0}, step[2] = {0};
    int64_t glyphs = number("glyphs", 1), depth = number("depth", 1);
    numbers(text("size"), 2, size);
    step[0] = size[0];
    numbers(text("step"), 2, step);
    if (glyphs < 1 || glyphs > MOST_GLYPHS || size[0] < 1 || size[0] > MOST_GLYPH || size[1] < 1 ||
        size[1] > MOST_GLYPH || (depth != 1 && depth != 4 && depth != 8)) {
        return "glyphs";
    }
    uint32_t row = ((uint32_t)size[0] * (uint32_t)depth + 7) / 8, bytes = row * (uint32_t)size[1];
    QXLString *string =
        device_extra(drawable, sizeof(*string) + (size_t)glyphs * (sizeof(QXLRasterGlyph) + bytes));
    uint8_t *at = string->chunk.data;
    uint32_t seed = (uint32_t)number("seed", 1);
    for (int64_t i = 0; i < glyphs; i++) {
        QXLRasterGlyph *glyph = (QXLRasterGlyph *)(void *)at;
        glyph->width = (uint16_t)size[0];
        glyph->height = (uint16_t)size[1];
        glyph->render_pos.x = drawable->bbox.left + (int32_t)(i * step[0]);
        glyph->render_pos.y = drawable->bbox.top + (int32_t)(i * step[1] + size[1]);
        glyph->glyph_origin.y = -(int32_t)size[1];
        for (uint32_t b = 0; b < bytes; b++) {
            uint32_t random = mix(seed + (uint32_t)i * 977 + b * 31);
            /* Full, empty and everything in between. */
            glyph->data[b] = (random & 7) == 0 ? 0xff : (random & 7) == 1 ? 0 : (uint8_t)(random >> 8);
        }
        at = glyph->data + bytes;
    }
    string->data_size = (uint32_t)(at - string->chunk.data);
    string->chunk.data_size = string->data_size;
    string->length = (uint16_t)glyphs;
    string->flags = depth == 1   ? SPICE_STRING_FLAGS_RASTER_A1
                    : depth == 4 ? SPICE_STRING_FLAGS_RASTER_A4
                                 : SPICE_STRING_FLAGS_RASTER_A8;
    if (number("top_down", 0) != 0) {
        string->flags |= SPICE_STRING_FLAGS_RASTER_TOP_DOWN;
    }
    out->str = (uintptr_t)string;
    out->fore_mode = (uint16_t)number("rop", SPICE_ROPD_OP_PUT);
    out->back_mode = (uint16_t)number("back_rop", SPICE_ROPD_OP_PUT);
    if (text("back") != NULL) {
        out->back_area = place(text("back"));
    }
    const char *wrong = read_brush(drawable, &out->fore_brush, "brush", "colour");
    return wrong != NULL ? wrong : read_brush(drawable, &out->back_brush, "back_brush", "back_colour");
}

/* Six numbers of a transform, in device memory; 0 if there is none. */
static QXLPHYSICAL read_transform(QXLDrawable *drawable, const char *name) {
    int64_t n[6] = {0};
    if (numbers(text(name), 6, n) != 6) {
        return 0;
    }
    QXLTransform *transform = device_extra(drawable, sizeof(*transform));
    transform->t00 = (uint32_t)n[0];
    transform->t01 = (uint32_t)n[1];
    transform->t02 = (uint32_t)n[2];
    transform->t10 = (uint32_t)n[3];
    transform->t11 = (uint32_t)n[4];
    transform->t12 = (uint32_t)n[5];
    return (uintptr_t)transform;
}

static QXLRect all_of(const Picture *image) {
    QXLRect all = {.right = (int32_t)image->image.descriptor.width,
                   .bottom = (int32_t)image->image.descriptor.height};
    return all;
}

const char *read_composite(QXLDrawable *drawable) {
    QXLComposite *out = &drawable->u.composite;
    const Picture *image = image_of(text("image"));
    const Picture *mask = image_of(text("mask_image"));
    int64_t at[2] = {0}, mask_at[2] = {0};
    numbers(text("src_at"), 2, at);
    numbers(text("mask_at"), 2, mask_at);
    if (image == NULL || (text("mask_image") != NULL && mask == NULL)) {
        return "image";
    }
    out->flags = (uint32_t)(number("op", 3) & 0xff) | (uint32_t)(number("filter", 0) & 7) << 8 |
                 (uint32_t)(number("mask_filter", 0) & 7) << 11 |
                 (uint32_t)(number("repeat", 0) & 3) << 14 |
                 (uint32_t)(number("mask_repeat", 0) & 3) << 16 |
                 (uint32_t)(number("component", 0) & 1) << 18 |
                 (uint32_t)(number("opaque", 0) & 7) << 22;
    out->src = (uintptr_t)&image->image;
    out->src_transform = read_transform(drawable, "transform");
    out->src_origin.x = (int16_t)at[0];
    out->src_origin.y = (int16_t)at[1];
    depend(drawable, 0, image, all_of(image));
    if (mask != NULL) {
        out->mask = (uintptr_t)&mask->image;
        out->mask_transform = read_transform(drawable, "mask_transform");
        out->mask_origin.x = (int16_t)mask_at[0];
        out->mask_origin.y = (int16_t)mask_at[1];
        depend(drawable, 1, mask, all_of(mask));
    }
    return NULL;
}
