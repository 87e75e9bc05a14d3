/* A desktop at work: small fills, words, icons, windows that scroll and move. */
#include "desktop.h"

#include <stdbool.h>
#include <stdlib.h>

#include "device.h"
#include "picture.h"

enum { WORDS = 48, ICONS = 24, PANES = 6, LINE = 18 };

struct Desktop {
    QXLRect area;
    uint32_t state;
    Picture *words[WORDS], *icons[ICONS], *panes[PANES];
};

static uint32_t below(Desktop *desktop, uint32_t end) {
    desktop->state ^= desktop->state << 13;
    desktop->state ^= desktop->state >> 17;
    desktop->state ^= desktop->state << 5;
    return desktop->state % end;
}

Desktop *desktop_make(uint32_t seed, QXLRect area) {
    static Picture *words[WORDS], *icons[ICONS], *panes[PANES];
    Desktop *desktop = calloc(1, sizeof(*desktop));
    if (desktop == NULL) {
        abort();
    }
    desktop->area = area;
    desktop->state = seed * 2 + 1;
    for (uint32_t i = 0; i < WORDS; i++) {
        PictureRule rule = {.format = SPICE_BITMAP_FMT_32BIT, .width = 300 + i * 10,
                            .height = LINE,
                            .pattern = TEXT, .seed = i};
        words[i] = words[i] != NULL ? words[i] : picture_make(&rule);
        desktop->words[i] = words[i];
    }
    for (uint32_t i = 0; i < ICONS; i++) {
        PictureRule rule = {.format = SPICE_BITMAP_FMT_32BIT, .width = 32, .height = 32,
                            .pattern = i % 2 == 0 ? PHOTO : FLAT, .seed = 100 + i,
                            .cache_id = (uint64_t)(0x7000 + i) << 32};
        icons[i] = icons[i] != NULL ? icons[i] : picture_make(&rule);
        desktop->icons[i] = icons[i];
    }
    for (uint32_t i = 0; i < PANES; i++) {
        PictureRule rule = {.format = SPICE_BITMAP_FMT_32BIT, .width = 200 + i * 60,
                            .height = 120 + i * 30, .pattern = i % 2 == 0 ? TEXT : FLAT,
                            .seed = 200 + i};
        panes[i] = panes[i] != NULL ? panes[i] : picture_make(&rule);
        desktop->panes[i] = panes[i];
    }
    return desktop;
}

/* A place for something of this size, all of it inside. */
static QXLRect place(Desktop *desktop, uint32_t width, uint32_t height) {
    uint32_t space_x = (uint32_t)(desktop->area.right - desktop->area.left);
    uint32_t space_y = (uint32_t)(desktop->area.bottom - desktop->area.top);
    width = width < space_x ? width : space_x;
    height = height < space_y ? height : space_y;
    QXLRect box;
    box.left = desktop->area.left + (int32_t)below(desktop, space_x - width + 1);
    box.top = desktop->area.top + (int32_t)below(desktop, space_y - height + 1);
    box.right = box.left + (int32_t)width;
    box.bottom = box.top + (int32_t)height;
    return box;
}

static void fill(Desktop *desktop, QXLRect box, DesktopCounts *counts) {
    static const uint32_t colours[] = {0xffffff, 0xf0f0f0, 0x3465a4, 0xdcdcdc, 0x204a87, 0x2e3436};
    QXLDrawable *drawable = device_drawable(0, QXL_DRAW_FILL, box, NULL);
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    drawable->u.fill.brush.u.color = colours[below(desktop, 6)];
    drawable->u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    device_draw(drawable);
    counts->fill++;
}

/* What windows in front leave free of a box: three pieces of it. */
static void clip(QXLDrawable *drawable, QXLRect box) {
    QXLClipRects *rects = device_extra(drawable, sizeof(*rects) + 3 * sizeof(QXLRect));
    QXLRect *out = (QXLRect *)(void *)rects->chunk.data;
    int32_t width = box.right - box.left;
    for (int32_t i = 0; i < 3; i++) {
        out[i] = box;
        out[i].left = box.left + width * i / 3;
        out[i].right = out[i].left + width / 4;
    }
    rects->num_rects = 3;
    rects->chunk.data_size = 3 * sizeof(QXLRect);
    drawable->clip.type = SPICE_CLIP_TYPE_RECTS;
    drawable->clip.data = (uintptr_t)rects;
}

static void copy(Picture *picture, QXLRect box, bool clipped) {
    QXLDrawable *drawable = device_drawable(0, QXL_DRAW_COPY, box, NULL);
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->u.copy.src_bitmap = (uintptr_t)&picture->image;
    drawable->u.copy.src_area.right = box.right - box.left;
    drawable->u.copy.src_area.bottom = box.bottom - box.top;
    drawable->u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    if (clipped) {
        clip(drawable, box);
    }
    device_draw(drawable);
}

static void move(QXLRect box, int32_t from_x, int32_t from_y, DesktopCounts *counts) {
    QXLDrawable *drawable = device_drawable(0, QXL_COPY_BITS, box, NULL);
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->u.copy_bits.src_pos.x = from_x;
    drawable->u.copy_bits.src_pos.y = from_y;
    device_draw(drawable);
    counts->copy_bits++;
}

static void word(Desktop *desktop, DesktopCounts *counts) {
    Picture *picture = desktop->words[below(desktop, WORDS)];
    copy(picture, place(desktop, picture->image.descriptor.width, LINE), below(desktop, 8) == 0);
    counts->copy++;
}

/* A page goes up by a line, and a line comes in below. */
static void scroll(Desktop *desktop, DesktopCounts *counts) {
    QXLRect page = place(desktop, 600 + below(desktop, 400), 400 + below(desktop, 300));
    QXLRect upper = page, last = page;
    upper.bottom -= LINE;
    last.top = upper.bottom;
    move(upper, page.left, page.top + LINE, counts);
    fill(desktop, last, counts);
    Picture *picture = desktop->words[below(desktop, 16)];
    last.right = last.left + (int32_t)picture->image.descriptor.width;
    copy(picture, last, false);
    counts->copy++;
}

/* A window goes a little to one side; what it leaves is filled. */
static void drag(Desktop *desktop, DesktopCounts *counts) {
    QXLRect window = place(desktop, 600 + below(desktop, 400), 400 + below(desktop, 300));
    int32_t step = 2 + (int32_t)below(desktop, 7);
    QXLRect target = window, left = window;
    target.left += step;
    left.right = left.left + step;
    move(target, window.left, window.top, counts);
    fill(desktop, left, counts);
}

void desktop_step(Desktop *desktop, DesktopCounts *counts) {
    uint32_t what = below(desktop, 100);
    if (what < 45) {
        word(desktop, counts);
    } else if (what < 67) {
        uint32_t width = 4 + below(desktop, 116);
        fill(desktop, place(desktop, width, 2 + below(desktop, 38)), counts);
    } else if (what < 77) {
        copy(desktop->icons[below(desktop, ICONS)], place(desktop, 32, 32), false);
        counts->cached++;
    } else if (what < 87) {
        scroll(desktop, counts);
    } else if (what < 94) {
        drag(desktop, counts);
    } else {
        /* A pane is painted anew. */
        Picture *picture = desktop->panes[below(desktop, PANES)];
        copy(picture, place(desktop, picture->image.descriptor.width,
                            picture->image.descriptor.height), false);
        counts->copy++;
    }
}
