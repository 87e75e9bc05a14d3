/* The commands that draw: each reads the pairs of the current command. */
#include "draw.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "device.h"
#include "picture.h"
#include "vector.h"

enum { MOST_IMAGES = 256, MOST_RECTS = 64 };

static Picture *images[MOST_IMAGES];

Picture *image_of(const char *value) {
    int64_t name = value == NULL ? -1 : strtoll(value, NULL, 0);
    return name >= 0 && name < MOST_IMAGES ? images[name] : NULL;
}

const char *make_image(void) {
    int64_t name = number("name", -1), size[2] = {0};
    if (name < 0 || name >= MOST_IMAGES || numbers(text("size"), 2, size) != 2) {
        return "image name or size";
    }
    PictureRule rule = {
        .width = (uint32_t)size[0],
        .height = (uint32_t)size[1],
        .seed = (uint32_t)number("seed", 0),
        .cache_id = (uint64_t)number("cache", 0),
        .bottom_up = number("bottom_up", 0) != 0,
        .padding = (uint32_t)number("padding", 0),
    };
    int64_t surface = number("surface", -1);
    if (surface >= 0) {
        Picture *picture = calloc(1, sizeof(*picture));
        if (picture == NULL) {
            abort();
        }
        picture->image.descriptor.type = SPICE_IMAGE_TYPE_SURFACE;
        picture->image.descriptor.width = rule.width;
        picture->image.descriptor.height = rule.height;
        picture->image.surface_image.surface_id = (uint32_t)surface;
        images[name] = picture;
        return NULL;
    }
    int format = picture_format(text("format") == NULL ? "" : text("format"));
    int pattern = picture_pattern(text("pattern") == NULL ? "" : text("pattern"));
    if (format < 0 || pattern < 0 || rule.width == 0 || rule.height == 0) {
        return "image format or pattern";
    }
    rule.format = (uint8_t)format;
    rule.pattern = (Pattern)pattern;
    /* An image of the same name may still be in use by the server: it stays, unnamed. */
    images[name] = picture_make(&rule);
    return NULL;
}


static QXLRect whole(const Picture *image) {
    QXLRect all = {0, 0, (int32_t)image->image.descriptor.height,
                   (int32_t)image->image.descriptor.width};
    return all;
}

const char *read_brush(QXLDrawable *drawable, QXLBrush *brush, const char *pattern_name,
                       const char *colour_name) {
    const char *pattern = text(pattern_name);
    if (pattern != NULL && strcmp(pattern, "none") == 0) {
        brush->type = SPICE_BRUSH_TYPE_NONE;
        return NULL;
    }
    if (pattern == NULL) {
        brush->type = SPICE_BRUSH_TYPE_SOLID;
        brush->u.color = (uint32_t)number(colour_name, 0);
        return NULL;
    }
    int64_t n[3] = {0};
    numbers(pattern, 3, n);
    if (image_of(pattern) == NULL) {
        return "brush";
    }
    brush->type = SPICE_BRUSH_TYPE_PATTERN;
    brush->u.pattern.pat = (uintptr_t)&image_of(pattern)->image;
    brush->u.pattern.pos.x = (int32_t)n[1];
    brush->u.pattern.pos.y = (int32_t)n[2];
    depend(drawable, 1, image_of(pattern), whole(image_of(pattern)));
    return NULL;
}

static const char *set_mask(QXLDrawable *drawable, QXLQMask *mask) {
    const char *value = text("mask");
    if (value == NULL) {
        return NULL;
    }
    int64_t n[4] = {0};
    numbers(value, 4, n);
    if (image_of(value) == NULL) {
        return "mask";
    }
    mask->bitmap = (uintptr_t)&image_of(value)->image;
    mask->pos.x = (int32_t)n[1];
    mask->pos.y = (int32_t)n[2];
    mask->flags = n[3] != 0 ? SPICE_MASK_FLAGS_INVERS : 0;
    depend(drawable, 2, image_of(value), whole(image_of(value)));
    return NULL;
}

/* The clip rectangles, in one chunk of device memory. */
static QXLClipRects *clip_rects(void) {
    const char *value = text("clip");
    if (value == NULL) {
        return NULL;
    }
    QXLClipRects *clip = calloc(1, sizeof(*clip) + MOST_RECTS * sizeof(QXLRect));
    if (clip == NULL) {
        abort();
    }
    QXLRect *out = (QXLRect *)clip->chunk.data;
    for (; value != NULL && clip->num_rects < MOST_RECTS; clip->num_rects++) {
        out[clip->num_rects] = place(value);
        value = strchr(value, ';');
        value = value == NULL ? NULL : value + 1;
    }
    clip->chunk.data_size = clip->num_rects * sizeof(QXLRect);
    return clip;
}

/* The image's part to be drawn; all of it unless said otherwise. */
static QXLRect source_area(const Picture *image) {
    return text("from") != NULL ? rect(text("from")) : whole(image);
}

void depend(QXLDrawable *drawable, int index, const Picture *image, QXLRect area) {
    if (image->image.descriptor.type == SPICE_IMAGE_TYPE_SURFACE) {
        drawable->surfaces_dest[index] = (int32_t)image->image.surface_image.surface_id;
        drawable->surfaces_rects[index] = area;
    }
}

const char *draw(uint8_t type) {
    const char *wrong = NULL;
    const Picture *image = image_of(text("image"));
    switch (type) {
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
    case QXL_DRAW_OPAQUE:
    case QXL_DRAW_ROP3:
    case QXL_DRAW_TRANSPARENT:
    case QXL_DRAW_ALPHA_BLEND:
        if (image == NULL) {
            return "image";
        }
    }
    QXLClipRects *clip = clip_rects();
    QXLDrawable *drawable =
        device_drawable((uint32_t)number("on", 0), type, place(text("box")), clip);
    if (clip != NULL) {
        drawable->clip.type = SPICE_CLIP_TYPE_RECTS;
        drawable->clip.data = (uintptr_t)clip;
    }
    drawable->mm_time = (uint32_t)number("time", 0);
    uint16_t rop = (uint16_t)number("rop", SPICE_ROPD_OP_PUT);
    bool covers = rop == SPICE_ROPD_OP_PUT && text("mask") == NULL;
    switch (type) {
    case QXL_DRAW_FILL:
        wrong = read_brush(drawable, &drawable->u.fill.brush, "brush", "colour");
        wrong = wrong != NULL ? wrong : set_mask(drawable, &drawable->u.fill.mask);
        drawable->u.fill.rop_descriptor = rop;
        break;
    case QXL_DRAW_OPAQUE:
        drawable->u.opaque.src_bitmap = (uintptr_t)&image->image;
        drawable->u.opaque.src_area = source_area(image);
        drawable->u.opaque.scale_mode = (uint8_t)number("scale", 0);
        drawable->u.opaque.rop_descriptor = rop;
        wrong = read_brush(drawable, &drawable->u.opaque.brush, "brush", "colour");
        wrong = wrong != NULL ? wrong : set_mask(drawable, &drawable->u.opaque.mask);
        depend(drawable, 0, image, drawable->u.opaque.src_area);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        drawable->u.copy.src_bitmap = (uintptr_t)&image->image;
        drawable->u.copy.src_area = source_area(image);
        drawable->u.copy.scale_mode = (uint8_t)number("scale", 0);
        drawable->u.copy.rop_descriptor = rop;
        wrong = set_mask(drawable, &drawable->u.copy.mask);
        depend(drawable, 0, image, drawable->u.copy.src_area);
        break;
    case QXL_DRAW_BLACKNESS:
    case QXL_DRAW_WHITENESS:
    case QXL_DRAW_INVERS:
        wrong = set_mask(drawable, &drawable->u.blackness.mask);
        covers = covers && type != QXL_DRAW_INVERS;
        break;
    case QXL_DRAW_ROP3:
        drawable->u.rop3.src_bitmap = (uintptr_t)&image->image;
        drawable->u.rop3.src_area = source_area(image);
        drawable->u.rop3.scale_mode = (uint8_t)number("scale", 0);
        drawable->u.rop3.rop3 = (uint8_t)rop;
        wrong = read_brush(drawable, &drawable->u.rop3.brush, "brush", "colour");
        wrong = wrong != NULL ? wrong : set_mask(drawable, &drawable->u.rop3.mask);
        depend(drawable, 0, image, drawable->u.rop3.src_area);
        covers = false;
        break;
    case QXL_DRAW_TRANSPARENT:
        drawable->u.transparent.src_bitmap = (uintptr_t)&image->image;
        drawable->u.transparent.src_area = source_area(image);
        drawable->u.transparent.src_color = (uint32_t)number("colour", 0);
        drawable->u.transparent.true_color =
            (uint32_t)number("true_colour", number("colour", 0));
        depend(drawable, 0, image, drawable->u.transparent.src_area);
        covers = false;
        break;
    case QXL_DRAW_ALPHA_BLEND:
        drawable->u.alpha_blend.src_bitmap = (uintptr_t)&image->image;
        drawable->u.alpha_blend.src_area = source_area(image);
        drawable->u.alpha_blend.alpha = (uint8_t)number("alpha", 255);
        drawable->u.alpha_blend.alpha_flags = (uint16_t)number("flags", 0);
        depend(drawable, 0, image, drawable->u.alpha_blend.src_area);
        covers = false;
        break;
    case QXL_DRAW_STROKE:
        wrong = read_stroke(drawable);
        covers = false;
        break;
    case QXL_DRAW_TEXT:
        wrong = read_text(drawable);
        covers = false;
        break;
    case QXL_DRAW_COMPOSITE:
        wrong = read_composite(drawable);
        covers = false;
        break;
    case QXL_COPY_BITS: {
        int64_t at[2] = {0};
        int32_t x, y;
        numbers(text("at"), 2, at);
        origin_get(&x, &y);
        drawable->u.copy_bits.src_pos.x = x + (int32_t)at[0];
        drawable->u.copy_bits.src_pos.y = y + (int32_t)at[1];
        break;
    }
    }
    /* Says that nothing beneath is needed any more; the server then drops what it covers. */
    if (covers && type != QXL_COPY_BITS) {
        drawable->effect = QXL_EFFECT_OPAQUE;
    }
    if (wrong != NULL) {
        device_discard(drawable);
        return wrong;
    }
    device_draw(drawable);
    return NULL;
}

const char *set_cursor(void) {
    static const char *const names[] = {"alpha", "mono", "color32"};
    static const uint16_t types[] = {SPICE_CURSOR_TYPE_ALPHA, SPICE_CURSOR_TYPE_MONO,
                                     SPICE_CURSOR_TYPE_COLOR32};
    int type = choice(text("type"), names, COUNT(names));
    int pattern = picture_pattern(text("pattern") == NULL ? "" : text("pattern"));
    int64_t size[2] = {0}, hot[2] = {0}, at[2] = {0};
    numbers(text("size"), 2, size);
    numbers(text("hot"), 2, hot);
    numbers(text("at"), 2, at);
    if (type < 0 || pattern < 0 || size[0] <= 0 || size[1] <= 0) {
        return "cursor";
    }
    uint32_t width = (uint32_t)size[0], height = (uint32_t)size[1], seed = (uint32_t)number("seed", 0);
    uint32_t mask_size = (width + 7) / 8 * height;
    uint32_t data_size = types[type] == SPICE_CURSOR_TYPE_ALPHA  ? width * height * 4
                         : types[type] == SPICE_CURSOR_TYPE_MONO ? mask_size * 2
                                                                 : width * height * 4 + mask_size;
    QXLCursor *shape = calloc(1, sizeof(*shape) + data_size);
    if (shape == NULL) {
        abort();
    }
    shape->header.unique = (uint64_t)number("id", 0);
    shape->header.type = types[type];
    shape->header.width = (uint16_t)width;
    shape->header.height = (uint16_t)height;
    shape->header.hot_spot_x = (uint16_t)hot[0];
    shape->header.hot_spot_y = (uint16_t)hot[1];
    shape->data_size = data_size;
    shape->chunk.data_size = data_size;
    uint8_t *data = shape->chunk.data;
    uint8_t *mask = types[type] == SPICE_CURSOR_TYPE_MONO ? data : data + width * height * 4;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint8_t alpha;
            uint32_t colour =
                picture_colour((Pattern)pattern, seed, width, height, x, y, &alpha);
            if (types[type] != SPICE_CURSOR_TYPE_MONO) {
                uint8_t *pixel = data + (y * width + x) * 4;
                pixel[0] = (uint8_t)colour;
                pixel[1] = (uint8_t)(colour >> 8);
                pixel[2] = (uint8_t)(colour >> 16);
                pixel[3] = alpha;
            }
            if (types[type] != SPICE_CURSOR_TYPE_ALPHA) {
                uint32_t place = y * ((width + 7) / 8) + x / 8;
                mask[place] |= (uint8_t)((colour >> 23 & 1) << (7 - x % 8));
                if (types[type] == SPICE_CURSOR_TYPE_MONO) {
                    mask[mask_size + place] |= (uint8_t)((colour >> 15 & 1) << (7 - x % 8));
                }
            }
        }
    }
    QXLCursorCmd *cursor = device_cursor(QXL_CURSOR_SET, shape);
    cursor->u.set.position.x = (int16_t)at[0];
    cursor->u.set.position.y = (int16_t)at[1];
    cursor->u.set.visible = (uint8_t)number("visible", 1);
    cursor->u.set.shape = (uintptr_t)shape;
    device_point(cursor);
    return NULL;
}

const char *move_cursor(void) {
    int64_t at[2] = {0};
    numbers(text("at"), 2, at);
    QXLCursorCmd *cursor = device_cursor(QXL_CURSOR_MOVE, NULL);
    cursor->u.position.x = (int16_t)at[0];
    cursor->u.position.y = (int16_t)at[1];
    device_point(cursor);
    return NULL;
}
