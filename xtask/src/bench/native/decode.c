/* The other side of `cargo xtask bench decode`: decodes recorded images with the C code that
 * libspice-server and spice-gtk carry, whose sources are fetched and compiled beside this file. It
 * takes the same lines on stdin as our own side: `measure FILE MILLISECONDS`, answered by
 * `PIXELS NANOSECONDS`, the median of one whole recording.
 *
 * Only images that decode are given to it: it trusts them. */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>
#include <lz4.h>

#include "common/canvas_utils.h"
#include "common/lz.h"
#include "common/quic.h"
#include "gio-coroutine.h"

#include "decode.h"

enum { QUIC = 1, LZ_RGB = 101, GLZ = 102, JPEG = 105, ZLIB_GLZ = 107, JPEG_ALPHA = 108, LZ4 = 109 };

/* What the GLZ decoder asks its coroutine: everything it waits for is there already. */
GCoroutine *g_coroutine_self(void) { return NULL; }

gboolean g_coroutine_condition_wait(GCoroutine *self, GConditionWaitFunc ready, gpointer data) {
    (void)self;
    return ready(data);
}

/* It prints what it does only when asked to. */
gboolean spice_util_get_debug(void) { return FALSE; }

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "decode: %s\n", what);
    exit(1);
}

/* ---- what the codecs ask of their user ---- */

static _Noreturn void quic_error(QuicUsrContext *user, const char *text, ...) {
    (void)user;
    fail(text);
}

static void quic_note(QuicUsrContext *user, const char *text, ...) { (void)user, (void)text; }

static void *quic_alloc(QuicUsrContext *user, int size) {
    (void)user;
    return malloc((size_t)size);
}

static void quic_release(QuicUsrContext *user, void *memory) {
    (void)user;
    free(memory);
}

static int quic_no_more(QuicUsrContext *user, uint32_t **words, int rows) {
    (void)user, (void)words, (void)rows;
    return 0;
}

static int quic_no_lines(QuicUsrContext *user, uint8_t **lines) {
    (void)user, (void)lines;
    return 0;
}

static _Noreturn void lz_error(LzUsrContext *user, const char *text, ...) {
    (void)user;
    fail(text);
}

static void lz_note(LzUsrContext *user, const char *text, ...) { (void)user, (void)text; }

static void *lz_alloc(LzUsrContext *user, int size) {
    (void)user;
    return malloc((size_t)size);
}

static void lz_release(LzUsrContext *user, void *memory) {
    (void)user;
    free(memory);
}

static int lz_no_more(LzUsrContext *user, uint8_t **bytes) {
    (void)user, (void)bytes;
    return 0;
}

static QuicUsrContext quic_user = {quic_error,   quic_note,    quic_note,    quic_alloc,
                                   quic_release, quic_no_more, quic_no_lines};
static LzUsrContext lz_user = {lz_error,   lz_note,    lz_note,   lz_alloc,
                               lz_release, lz_no_more, lz_no_more};

static QuicContext *quic;
static LzContext *lz;
static SpiceJpegDecoder *jpeg;
static SpiceZlibDecoder *zlib;

/* ---- one image ---- */

static uint32_t u32(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void decode_quic(uint8_t *data, uint32_t size, uint8_t *out, int width) {
    /* The decoder reads whole words, which a recording need not be aligned to. */
    uint32_t *words = malloc(size + 4);
    memcpy(words, data, size);
    QuicImageType type;
    int w, h;
    if (quic_decode_begin(quic, words, size / 4, &type, &w, &h) != QUIC_OK) {
        fail("quic header");
    }
    QuicImageType to = type == QUIC_IMAGE_TYPE_RGBA    ? QUIC_IMAGE_TYPE_RGBA
                       : type == QUIC_IMAGE_TYPE_RGB16 ? QUIC_IMAGE_TYPE_RGB16
                                                       : QUIC_IMAGE_TYPE_RGB32;
    if (quic_decode(quic, to, out, width * 4) != QUIC_OK) {
        fail("quic");
    }
    free(words);
}

static void decode_lz(uint8_t *data, uint32_t size, uint8_t *out) {
    LzImageType type;
    int w, h, pixels, top_down;
    lz_decode_begin(lz, data, size, &type, &w, &h, &pixels, &top_down, NULL);
    bool alpha = type == LZ_IMAGE_TYPE_RGBA || type == LZ_IMAGE_TYPE_XXXA;
    lz_decode(lz, alpha ? type : LZ_IMAGE_TYPE_RGB32, out);
}

static void decode_lz4(uint8_t *data, uint32_t size, uint8_t *out, int bytes) {
    LZ4_streamDecode_t *stream = LZ4_createStreamDecode();
    uint8_t *end = data + size, *start = out;
    data += 2;
    while (data < end) {
        int packed = (int)((uint32_t)data[0] << 24 | data[1] << 16 | data[2] << 8 | data[3]);
        int made = LZ4_decompress_safe_continue(stream, (const char *)data + 4, (char *)out, packed,
                                                bytes);
        if (made <= 0) {
            fail("lz4");
        }
        out += made;
        bytes -= made;
        data += 4 + packed;
    }
    LZ4_freeStreamDecode(stream);
    /* The other decoders choose the order of the colours as they write each pixel. Here it is the
     * server's; a canvas wants red first, and our side is measured with bringing them in order. */
    uint32_t *pixel = (uint32_t *)(void *)start;
    for (size_t count = (size_t)(out - start) / 4; count > 0; count--, pixel++) {
        uint32_t red_blue = *pixel & 0x00ff00ff;
        *pixel = (*pixel & 0xff00ff00) | red_blue << 16 | red_blue >> 16;
    }
}

static void decode_jpeg(uint8_t *data, uint32_t size, uint8_t *out, int width) {
    int w, h;
    jpeg->ops->begin_decode(jpeg, data, (int)size, &w, &h);
    jpeg->ops->decode(jpeg, out, width * 4, SPICE_BITMAP_FMT_32BIT);
}

static void decode_glz(SpiceGlzDecoder *glz, uint8_t *data) {
    LzDecodeUsrData made = {0};
    glz->ops->decode(glz, data, NULL, &made);
    pixman_image_unref(made.out_surface);
}

static uint64_t decode_one(uint8_t *image, SpiceGlzDecoder *glz) {
    uint8_t kind = image[8];
    int width = (int)u32(image + 10), height = (int)u32(image + 14);
    uint8_t *body = image + 18;
    int bytes = width * height * 4;
    uint8_t *out = kind == GLZ || kind == ZLIB_GLZ ? NULL : malloc((size_t)bytes + 64);
    switch (kind) {
    case QUIC:
        decode_quic(body + 4, u32(body), out, width);
        break;
    case LZ_RGB:
        decode_lz(body + 4, u32(body), out);
        break;
    case LZ4:
        decode_lz4(body + 4, u32(body), out, bytes);
        break;
    case JPEG:
        decode_jpeg(body + 4, u32(body), out, width);
        break;
    case JPEG_ALPHA:
        decode_jpeg(body + 9, u32(body + 1), out, width);
        decode_lz(body + 9 + u32(body + 1), u32(body + 5) - u32(body + 1), out);
        break;
    case GLZ:
        decode_glz(glz, body + 4);
        break;
    case ZLIB_GLZ: {
        uint32_t inflated = u32(body);
        uint8_t *glz_data = malloc(inflated);
        zlib->ops->decode(zlib, body + 8, (int)u32(body + 4), glz_data, (int)inflated);
        decode_glz(glz, glz_data);
        free(glz_data);
        break;
    }
    default:
        fail("an image of a kind that is not measured");
    }
    free(out);
    return (uint64_t)width * (uint64_t)height;
}

/* ---- a recording, again and again ---- */

static uint64_t decode_all(uint8_t *input, size_t size) {
    /* A window of its own, as a new connection has. */
    SpiceGlzDecoderWindow *window = glz_decoder_window_new();
    SpiceGlzDecoder *glz = glz_decoder_new(window);
    uint64_t pixels = 0;
    for (size_t at = 0; at + 8 <= size;) {
        uint32_t length = u32(input + at), offset = u32(input + at + 4);
        pixels += decode_one(input + at + 8 + offset, glz);
        at += 8 + (size_t)length;
    }
    glz_decoder_destroy(glz);
    glz_decoder_window_destroy(window);
    return pixels;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *path, uint64_t milliseconds) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fail("no such recording");
    }
    size_t size = (size_t)ftell(file);
    rewind(file);
    uint8_t *input = malloc(size);
    if (fread(input, 1, size, file) != size) {
        fail("the recording cannot be read");
    }
    fclose(file);
    enum { MOST = 1 << 16 };
    static uint64_t times[MOST];
    size_t count = 0;
    uint64_t pixels = 0, start = now(), end;
    do {
        uint64_t before = now();
        pixels = decode_all(input, size);
        end = now();
        times[count++] = end - before;
    } while (end - start < milliseconds * 1000000u && count < MOST);
    qsort(times, count, sizeof(*times), compare);
    printf("%llu %llu\n", (unsigned long long)pixels, (unsigned long long)times[count / 2]);
    fflush(stdout);
    free(input);
}

int main(void) {
    quic = quic_create(&quic_user);
    lz = lz_create(&lz_user);
    jpeg = jpeg_decoder_new();
    zlib = zlib_decoder_new();
    char line[4096], path[4000];
    unsigned long long milliseconds;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        /* The file's name may hold spaces: the number is behind the last one. */
        line[strcspn(line, "\n")] = 0;
        char *last = strrchr(line, ' ');
        if (strncmp(line, "measure ", 8) != 0 || last == NULL || last < line + 8) {
            fail("a line that is not understood");
        }
        *last = 0;
        snprintf(path, sizeof(path), "%s", line + 8);
        milliseconds = strtoull(last + 1, NULL, 10);
        measure(path, milliseconds);
    }
    return 0;
}
