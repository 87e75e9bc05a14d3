/* A SPICE server that draws on command, to hold our client against.
 *
 * It prints `port N` and takes one command a line on its standard input. Each is answered by a line
 * that begins with `ok` or `error`; lines that begin with `event` may come in between. What it draws
 * goes through libspice-server to the client, and `render` gives back what libspice-server's own
 * renderer made of it.
 *
 * A command is a word, then name=value pairs in any order:
 *   compression mode=off|auto_glz|auto_lz|quic|glz|lz|lz4     jpeg mode=auto|always|never
 *   zlib mode=auto|always|never         streaming mode=off|all|filter      codecs list=TEXT
 *   ticket password=TEXT seconds=N      tablet present=0|1                 leds mask=N
 *   primary size=W,H format=xrgb|argb|555|565                              primary_destroy
 *   surface id=N size=W,H format=...                                       surface_destroy id=N
 *   image name=N format=1le|1be|4le|4be|8|16|24|32|rgba|a8 size=W,H pattern=photo|noise|text|
 *         flat|alpha seed=N [cache=N] [bottom_up=1] [padding=N]
 *   image name=N surface=N size=W,H                          (the surface's own content as image)
 *   fill box=X,Y,W,H colour=N | brush=IMAGE,X,Y [rop=N] ...
 *   copy | blend box=... image=N [from=X,Y,W,H] [rop=N] [scale=0|1] ...
 *   opaque box=... image=N [from=...] colour=N | brush=... [rop=N] ...
 *   copy_bits box=... at=X,Y ...
 *      where ... is [on=SURFACE] [clip=X,Y,W,H;...] [mask=IMAGE,X,Y,INVERTED] [time=N]
 *   cursor at=X,Y visible=0|1 type=alpha|mono|color32 size=W,H hot=X,Y pattern=P seed=N [id=N]
 *   cursor_move at=X,Y        cursor_hide
 *   flush                     wait until everything drawn was taken by libspice-server
 *   mark value=N              tell the client so, by a monitor of that width
 *   render on=N               answers `ok W H`, then W*H pixels of red, green, blue, alpha
 *   quit
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "input.h"
#include "loop.h"
#include "picture.h"

enum { MOST_WORDS = 24, MOST_IMAGES = 256, MOST_RECTS = 64, LINE = 4096 };

static SpiceServer *server;
static Picture *images[MOST_IMAGES];

/* The pairs of the command being carried out. */
static char *words[MOST_WORDS];
static int word_count;

static const char *text(const char *name) {
    size_t length = strlen(name);
    for (int i = 1; i < word_count; i++) {
        if (strncmp(words[i], name, length) == 0 && words[i][length] == '=') {
            return words[i] + length + 1;
        }
    }
    return NULL;
}

static int64_t number(const char *name, int64_t otherwise) {
    const char *value = text(name);
    return value == NULL ? otherwise : strtoll(value, NULL, 0);
}

/* Reads up to `count` numbers between commas; gives how many there are. */
static int numbers(const char *value, int count, int64_t *out) {
    int read = 0;
    while (value != NULL && read < count) {
        char *end;
        out[read++] = strtoll(value, &end, 0);
        value = *end == ',' ? end + 1 : NULL;
    }
    return read;
}

static QXLRect rect(const char *value) {
    int64_t n[4] = {0};
    numbers(value, 4, n);
    QXLRect rect = {
        .left = (int32_t)n[0],
        .top = (int32_t)n[1],
        .right = (int32_t)(n[0] + n[2]),
        .bottom = (int32_t)(n[1] + n[3]),
    };
    return rect;
}

static Picture *image_of(const char *value) {
    int64_t name = value == NULL ? -1 : strtoll(value, NULL, 0);
    return name >= 0 && name < MOST_IMAGES ? images[name] : NULL;
}

static int choice(const char *value, const char *const *names, int count) {
    for (int i = 0; value != NULL && i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static const char *set_compression(void) {
    static const char *const names[] = {"",     "off", "auto_glz", "auto_lz",
                                        "quic", "glz", "lz",       "lz4"};
    int mode = choice(text("mode"), names, COUNT(names));
    return mode > 0 && spice_server_set_image_compression(server, (SpiceImageCompression)mode) == 0
               ? NULL
               : "compression";
}

static int wan_mode(void) {
    static const char *const names[] = {"", "auto", "always", "never"};
    return choice(text("mode"), names, COUNT(names));
}

static const char *set_streaming(void) {
    static const char *const names[] = {"", "off", "all", "filter"};
    int mode = choice(text("mode"), names, COUNT(names));
    return mode > 0 && spice_server_set_streaming_video(server, mode) == 0 ? NULL : "streaming";
}

static int surface_format(void) {
    static const char *const names[] = {"xrgb", "argb", "555", "565"};
    static const int formats[] = {SPICE_SURFACE_FMT_32_xRGB, SPICE_SURFACE_FMT_32_ARGB,
                                  SPICE_SURFACE_FMT_16_555, SPICE_SURFACE_FMT_16_565};
    const char *name = text("format");
    int format = choice(name == NULL ? "xrgb" : name, names, COUNT(names));
    return format < 0 ? -1 : formats[format];
}

static const char *make_image(void) {
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

static const char *set_brush(QXLBrush *brush) {
    const char *pattern = text("brush");
    if (pattern == NULL) {
        brush->type = SPICE_BRUSH_TYPE_SOLID;
        brush->u.color = (uint32_t)number("colour", 0);
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
    return NULL;
}

static const char *set_mask(QXLQMask *mask) {
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
        out[clip->num_rects] = rect(value);
        value = strchr(value, ';');
        value = value == NULL ? NULL : value + 1;
    }
    clip->chunk.data_size = clip->num_rects * sizeof(QXLRect);
    return clip;
}

/* The image's part to be drawn; all of it unless said otherwise. */
static QXLRect source_area(const Picture *image) {
    if (text("from") != NULL) {
        return rect(text("from"));
    }
    QXLRect all = {0, 0, (int32_t)image->image.descriptor.height,
                   (int32_t)image->image.descriptor.width};
    return all;
}

/* Says which surfaces a drawing reads, as the driver must. */
static void depend(QXLDrawable *drawable, int index, const Picture *image, QXLRect area) {
    if (image->image.descriptor.type == SPICE_IMAGE_TYPE_SURFACE) {
        drawable->surfaces_dest[index] = (int32_t)image->image.surface_image.surface_id;
        drawable->surfaces_rects[index] = area;
    }
}

static const char *draw(uint8_t type) {
    const char *wrong = NULL;
    const Picture *image = image_of(text("image"));
    if ((type == QXL_DRAW_COPY || type == QXL_DRAW_BLEND || type == QXL_DRAW_OPAQUE) &&
        image == NULL) {
        return "image";
    }
    QXLClipRects *clip = clip_rects();
    QXLDrawable *drawable =
        device_drawable((uint32_t)number("on", 0), type, rect(text("box")), clip);
    if (clip != NULL) {
        drawable->clip.type = SPICE_CLIP_TYPE_RECTS;
        drawable->clip.data = (uintptr_t)clip;
    }
    drawable->mm_time = (uint32_t)number("time", 0);
    uint16_t rop = (uint16_t)number("rop", SPICE_ROPD_OP_PUT);
    bool covers = rop == SPICE_ROPD_OP_PUT && text("mask") == NULL;
    switch (type) {
    case QXL_DRAW_FILL:
        wrong = set_brush(&drawable->u.fill.brush);
        wrong = wrong != NULL ? wrong : set_mask(&drawable->u.fill.mask);
        drawable->u.fill.rop_descriptor = rop;
        break;
    case QXL_DRAW_OPAQUE:
        drawable->u.opaque.src_bitmap = (uintptr_t)&image->image;
        drawable->u.opaque.src_area = source_area(image);
        drawable->u.opaque.scale_mode = (uint8_t)number("scale", 0);
        drawable->u.opaque.rop_descriptor = rop;
        wrong = set_brush(&drawable->u.opaque.brush);
        wrong = wrong != NULL ? wrong : set_mask(&drawable->u.opaque.mask);
        depend(drawable, 0, image, drawable->u.opaque.src_area);
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        drawable->u.copy.src_bitmap = (uintptr_t)&image->image;
        drawable->u.copy.src_area = source_area(image);
        drawable->u.copy.scale_mode = (uint8_t)number("scale", 0);
        drawable->u.copy.rop_descriptor = rop;
        wrong = set_mask(&drawable->u.copy.mask);
        depend(drawable, 0, image, drawable->u.copy.src_area);
        break;
    case QXL_COPY_BITS: {
        int64_t at[2] = {0};
        numbers(text("at"), 2, at);
        drawable->u.copy_bits.src_pos.x = (int32_t)at[0];
        drawable->u.copy_bits.src_pos.y = (int32_t)at[1];
        break;
    }
    }
    /* Says that nothing beneath is needed any more; the server then drops what it covers. */
    if (covers && type != QXL_COPY_BITS) {
        drawable->effect = QXL_EFFECT_OPAQUE;
    }
    device_draw(drawable);
    return wrong;
}

static const char *set_cursor(void) {
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

static const char *move_cursor(void) {
    int64_t at[2] = {0};
    numbers(text("at"), 2, at);
    QXLCursorCmd *cursor = device_cursor(QXL_CURSOR_MOVE, NULL);
    cursor->u.position.x = (int16_t)at[0];
    cursor->u.position.y = (int16_t)at[1];
    device_point(cursor);
    return NULL;
}

/* Five or six bits to eight, the upper bits again below. */
static uint8_t widen(uint32_t value, int bits) {
    value &= (1U << bits) - 1;
    return (uint8_t)(value << (8 - bits) | value >> (2 * bits - 8));
}

static void render(void) {
    uint32_t width, height, format;
    const uint8_t *memory =
        device_render((uint32_t)number("on", 0), &width, &height, &format);
    if (memory == NULL) {
        printf("error no such surface\n");
        return;
    }
    printf("ok %" PRIu32 " %" PRIu32 "\n", width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) {
        uint8_t pixel[4] = {0, 0, 0, 255};
        if (format == SPICE_SURFACE_FMT_16_555 || format == SPICE_SURFACE_FMT_16_565) {
            uint32_t value = memory[i * 2] | (uint32_t)memory[i * 2 + 1] << 8;
            int green = format == SPICE_SURFACE_FMT_16_565 ? 6 : 5;
            pixel[0] = widen(value >> (5 + green), 5);
            pixel[1] = widen(value >> 5, green);
            pixel[2] = widen(value, 5);
        } else {
            pixel[0] = memory[i * 4 + 2];
            pixel[1] = memory[i * 4 + 1];
            pixel[2] = memory[i * 4];
            pixel[3] = format == SPICE_SURFACE_FMT_32_ARGB ? memory[i * 4 + 3] : 255;
        }
        fwrite(pixel, 1, sizeof(pixel), stdout);
    }
    fflush(stdout);
}

static const char *make_surface(bool primary) {
    int64_t size[2] = {0}, id = number("id", 1);
    int format = surface_format();
    if (numbers(text("size"), 2, size) != 2 || size[0] <= 0 || size[1] <= 0 || format < 0 ||
        id < 1 || id >= 128) {
        return "surface";
    }
    if (primary) {
        device_create_primary((uint32_t)size[0], (uint32_t)size[1], (uint32_t)format);
    } else {
        device_create_surface((uint32_t)id, (uint32_t)size[0], (uint32_t)size[1],
                              (uint32_t)format);
    }
    return NULL;
}

/* Gives NULL, what was wrong, or "" if the answer is out already. */
static const char *carry_out(const char *command) {
#define IS(name) (strcmp(command, name) == 0)
    if (IS("compression")) {
        return set_compression();
    } else if (IS("jpeg")) {
        return spice_server_set_jpeg_compression(server, wan_mode()) == 0 ? NULL : "mode";
    } else if (IS("zlib")) {
        return spice_server_set_zlib_glz_compression(server, wan_mode()) == 0 ? NULL : "mode";
    } else if (IS("streaming")) {
        return set_streaming();
    } else if (IS("codecs") && text("list") != NULL) {
        return spice_server_set_video_codecs(server, text("list")) == 0 ? NULL : "codecs";
    } else if (IS("ticket") && text("password") != NULL) {
        return spice_server_set_ticket(server, text("password"), (int)number("seconds", 0), 0, 0) == 0
                   ? NULL
                   : "ticket";
    } else if (IS("tablet")) {
        input_tablet(server, number("present", 1) != 0);
    } else if (IS("leds")) {
        input_leds((uint8_t)number("mask", 0));
    } else if (IS("primary")) {
        return make_surface(true);
    } else if (IS("primary_destroy")) {
        device_destroy_primary();
    } else if (IS("surface")) {
        return make_surface(false);
    } else if (IS("surface_destroy")) {
        device_destroy_surface((uint32_t)(number("id", 1) & 127));
    } else if (IS("image")) {
        return make_image();
    } else if (IS("fill")) {
        return draw(QXL_DRAW_FILL);
    } else if (IS("copy")) {
        return draw(QXL_DRAW_COPY);
    } else if (IS("blend")) {
        return draw(QXL_DRAW_BLEND);
    } else if (IS("opaque")) {
        return draw(QXL_DRAW_OPAQUE);
    } else if (IS("copy_bits")) {
        return draw(QXL_COPY_BITS);
    } else if (IS("cursor")) {
        return set_cursor();
    } else if (IS("cursor_move")) {
        return move_cursor();
    } else if (IS("cursor_hide")) {
        device_point(device_cursor(QXL_CURSOR_HIDE, NULL));
    } else if (IS("flush")) {
        device_flush();
    } else if (IS("mark")) {
        device_mark((uint32_t)number("value", 1));
    } else if (IS("render")) {
        render();
        return "";
    } else if (IS("quit")) {
        loop_stop();
    } else {
        return "unknown command";
    }
    return NULL;
#undef IS
}

static void line_ready(char *line) {
    word_count = 0;
    for (char *word = strtok(line, " "); word != NULL && word_count < MOST_WORDS;
         word = strtok(NULL, " ")) {
        words[word_count++] = word;
    }
    if (word_count == 0) {
        return;
    }
    const char *wrong = carry_out(words[0]);
    if (wrong == NULL) {
        printf("ok\n");
    } else if (*wrong != '\0') {
        printf("error %s\n", wrong);
    }
    fflush(stdout);
}

static void stdin_ready(int fd) {
    static char buffer[LINE];
    static size_t filled;
    ssize_t count = read(fd, buffer + filled, sizeof(buffer) - filled - 1);
    if (count <= 0 || filled + (size_t)count >= sizeof(buffer) - 1) {
        /* Whoever started us has gone. */
        loop_stop();
        return;
    }
    filled += (size_t)count;
    buffer[filled] = '\0';
    char *start = buffer;
    for (char *end; (end = strchr(start, '\n')) != NULL; start = end + 1) {
        *end = '\0';
        line_ready(start);
    }
    filled -= (size_t)(start - buffer);
    memmove(buffer, start, filled);
}

static void listener_ready(int fd) {
    int client = accept(fd, NULL, NULL);
    int on = 1;
    if (client >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (spice_server_add_client(server, client, 0) != 0) {
            close(client);
        }
    }
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        perror("draw-server");
        return 1;
    }
    server = spice_server_new();
    spice_server_set_noauth(server);
    spice_server_set_name(server, "draw-server");
    if (spice_server_init(server, &loop_core) != 0) {
        fprintf(stderr, "draw-server: spice_server_init failed\n");
        return 1;
    }
    device_init(server);
    input_init(server);
    spice_server_vm_start(server);
    loop_read(STDIN_FILENO, stdin_ready);
    loop_read(listener, listener_ready);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    loop_run();
    /* The server's threads may still be at work on our memory: the system cleans up. */
    _exit(0);
}
