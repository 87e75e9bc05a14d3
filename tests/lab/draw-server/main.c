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
 *   primary size=W,H format=xrgb|argb|555|565|a8|a1                              primary_destroy
 *   surface id=N size=W,H format=...                                       surface_destroy id=N
 *   image name=N format=1le|1be|4le|4be|8|16|24|32|rgba|a8 size=W,H pattern=photo|noise|text|
 *         flat|alpha seed=N [cache=N] [bottom_up=1] [padding=N]
 *   image name=N surface=N size=W,H                          (the surface's own content as image)
 *   fill box=X,Y,W,H colour=N | brush=IMAGE,X,Y | brush=none [rop=N] ...
 *   copy | blend box=... image=N [from=X,Y,W,H] [rop=N] [scale=0|1] ...
 *   opaque box=... image=N [from=...] colour=N | brush=... [rop=N] ...
 *   copy_bits box=... at=X,Y ...
 *   blackness | whiteness | invert box=... ...
 *   rop3 box=... image=N [from=...] colour=N | brush=... rop=N [scale=N] ...
 *   transparent box=... image=N [from=...] colour=N [true_colour=N] ...
 *   alpha_blend box=... image=N [from=...] alpha=N [flags=N] ...
 *      where ... is [on=SURFACE] [clip=X,Y,W,H;...] [mask=IMAGE,X,Y,INVERTED] [time=N]
 *   stroke box=... path=FLAGS:X,Y;X,Y;...|FLAGS:... in sixteenths of a pixel, colour=N | brush=...
 *         [style=N,N,...] [gap=1] [rop=N] [back_rop=N] [clip=...] [on=...]
 *   text box=... depth=1|4|8 glyphs=N size=W,H [step=X,Y] [seed=N] colour=N | brush=...
 *         [back=X,Y,W,H] [back_colour=N | back_brush=...] [rop=N] [back_rop=N] [clip=...] [on=...]
 *   composite box=... image=N [mask_image=N] [op=N] [filter=N] [mask_filter=N] [repeat=N]
 *         [mask_repeat=N] [component=1] [opaque=1|2|4 added] [src_at=X,Y] [mask_at=X,Y]
 *         [transform=N,N,N,N,N,N] [mask_transform=...] in 65536ths [clip=...] [on=...]
 *   origin at=X,Y             what box, clip, at, path and back are counted from
 *   origin back=1             what it was before
 *   cursor at=X,Y visible=0|1 type=alpha|mono|color32 size=W,H hot=X,Y pattern=P seed=N [id=N]
 *   cursor_move at=X,Y        cursor_hide
 *   flush                     wait until everything drawn was taken by libspice-server
 *   reset_images              forget all pictures of the cache
 *   mark value=N              tell the client so, by a monitor of that width
 *   render on=N               answers `ok W H`, then W*H pixels of red, green, blue, alpha
 *   quit
 *
 * For benchmarks (scene.c):
 *   scene name=desktop|photo|video720|video1080|mixed [compression=... jpeg=... zlib=... streaming=...]
 *         [codec=mjpeg|vp8|vp9|h264] [size=W,H] [seconds=N] [count=N] [rate=N] [depth=N] [seed=N]
 *         [wait=1]       runs by itself; `event scene NAME drawn=N ...` tells when all of it was sent
 *   scene_stop           sync     `event synced` when all that was drawn so far has been sent
 *   echo on=0|1 [box=X,Y,W,H]     a key press turns over this part of the screen at once
 *   times on=0|1         events of keys and pointer end in at=MICROSECONDS (the monotonic clock)
 *   channels on=0|1      `event channel NAME ID open|gone` as channels come and go
 *   clock                `event clock monotonic=... realtime=...`, in microseconds
 *   stats                `event stats drawn=N released=N queued=N`
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "draw.h"
#include "input.h"
#include "loop.h"
#include "options.h"
#include "scene.h"

enum { LINE = 4096 };

static SpiceServer *server;
static bool channels_wanted;

static int surface_format(void) {
    static const char *const names[] = {"xrgb", "argb", "555", "565", "a8", "a1"};
    static const int formats[] = {SPICE_SURFACE_FMT_32_xRGB, SPICE_SURFACE_FMT_32_ARGB,
                                  SPICE_SURFACE_FMT_16_555,  SPICE_SURFACE_FMT_16_565,
                                  SPICE_SURFACE_FMT_8_A,     SPICE_SURFACE_FMT_1_A};
    const char *name = text("format");
    int format = choice(name == NULL ? "xrgb" : name, names, COUNT(names));
    return format < 0 ? -1 : formats[format];
}

/* Five or six bits to eight, the upper bits again below. */
static uint8_t widen(uint32_t value, int bits) {
    value &= (1U << bits) - 1;
    return (uint8_t)(value << (8 - bits) | value >> (2 * bits - 8));
}

static void read_pixel(const uint8_t *row, uint32_t x, uint32_t format, uint8_t pixel[4]) {
    memset(pixel, 0, 4);
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        pixel[3] = row[x / 8] >> x % 8 & 1 ? 255 : 0;
        break;
    case SPICE_SURFACE_FMT_8_A:
        pixel[3] = row[x];
        break;
    case SPICE_SURFACE_FMT_16_555:
    case SPICE_SURFACE_FMT_16_565: {
        uint32_t value = row[x * 2] | (uint32_t)row[x * 2 + 1] << 8;
        int green = format == SPICE_SURFACE_FMT_16_565 ? 6 : 5;
        pixel[0] = widen(value >> (5 + green), 5);
        pixel[1] = widen(value >> 5, green);
        pixel[2] = widen(value, 5);
        pixel[3] = 255;
        break;
    }
    default:
        pixel[0] = row[x * 4 + 2];
        pixel[1] = row[x * 4 + 1];
        pixel[2] = row[x * 4];
        pixel[3] = format == SPICE_SURFACE_FMT_32_ARGB ? row[x * 4 + 3] : 255;
    }
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
    uint32_t stride = device_stride(width, format);
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row = memory + (size_t)y * stride;
        for (uint32_t x = 0; x < width; x++) {
            uint8_t pixel[4];
            read_pixel(row, x, format, pixel);
            fwrite(pixel, 1, sizeof(pixel), stdout);
        }
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
        return option_compression(server, text("mode"));
    } else if (IS("jpeg")) {
        return option_jpeg(server, text("mode"));
    } else if (IS("zlib")) {
        return option_zlib(server, text("mode"));
    } else if (IS("streaming")) {
        return option_streaming(server, text("mode"));
    } else if (IS("scene")) {
        return scene_start(server);
    } else if (IS("scene_stop")) {
        scene_stop();
    } else if (IS("sync")) {
        return scene_sync();
    } else if (IS("echo")) {
        input_echo(number("on", 1) != 0, rect(text("box") == NULL ? "0,0,64,64" : text("box")));
    } else if (IS("channels")) {
        channels_wanted = number("on", 1) != 0;
    } else if (IS("times")) {
        input_times(number("on", 1) != 0);
    } else if (IS("clock")) {
        struct timespec real;
        clock_gettime(CLOCK_REALTIME, &real);
        printf("event clock monotonic=%" PRId64 " realtime=%" PRId64 "\n", input_now(),
               (int64_t)real.tv_sec * 1000000 + real.tv_nsec / 1000);
    } else if (IS("stats")) {
        DeviceCounts counts;
        device_counts(&counts);
        printf("event stats drawn=%" PRIu64 " released=%" PRIu64 " queued=%" PRIu64 "\n",
               counts.drawn, counts.released, counts.queued);
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
    } else if (IS("blackness")) {
        return draw(QXL_DRAW_BLACKNESS);
    } else if (IS("whiteness")) {
        return draw(QXL_DRAW_WHITENESS);
    } else if (IS("invert")) {
        return draw(QXL_DRAW_INVERS);
    } else if (IS("rop3")) {
        return draw(QXL_DRAW_ROP3);
    } else if (IS("transparent")) {
        return draw(QXL_DRAW_TRANSPARENT);
    } else if (IS("alpha_blend")) {
        return draw(QXL_DRAW_ALPHA_BLEND);
    } else if (IS("stroke")) {
        return draw(QXL_DRAW_STROKE);
    } else if (IS("text")) {
        return draw(QXL_DRAW_TEXT);
    } else if (IS("composite")) {
        return draw(QXL_DRAW_COMPOSITE);
    } else if (IS("origin")) {
        int64_t at[2] = {0};
        if (text("back") != NULL) {
            origin_back();
        } else if (numbers(text("at"), 2, at) == 2) {
            origin_set((int32_t)at[0], (int32_t)at[1]);
        } else {
            return "origin";
        }
    } else if (IS("cursor")) {
        return set_cursor();
    } else if (IS("cursor_move")) {
        return move_cursor();
    } else if (IS("cursor_hide")) {
        device_point(device_cursor(QXL_CURSOR_HIDE, NULL));
    } else if (IS("flush")) {
        device_flush();
    } else if (IS("reset_images")) {
        device_reset_images();
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
    const char *command = command_read(line);
    if (command == NULL) {
        return;
    }
    const char *wrong = carry_out(command);
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
    if (count <= 0) {
        /* Whoever started us has gone, or a line has no end. */
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

static void channel_told(int event, SpiceChannelEventInfo *info) {
    static const char *const names[] = {
        [SPICE_CHANNEL_MAIN] = "main",     [SPICE_CHANNEL_DISPLAY] = "display",
        [SPICE_CHANNEL_INPUTS] = "inputs", [SPICE_CHANNEL_CURSOR] = "cursor",
    };
    if (event != SPICE_CHANNEL_EVENT_INITIALIZED && event != SPICE_CHANNEL_EVENT_DISCONNECTED) {
        return;
    }
    bool present = event == SPICE_CHANNEL_EVENT_INITIALIZED;
    if (info->type < COUNT(names) && names[info->type] != NULL && channels_wanted) {
        printf("event channel %s %d %s\n", names[info->type], info->id, present ? "open" : "gone");
        fflush(stdout);
    }
    if (info->type == SPICE_CHANNEL_DISPLAY) {
        scene_client(present);
    }
}

/* A socket that listens; gives its port, or -1. */
static int listen_at(const char *host, int port, int *listener) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof(address);
    int on = 1;
    *listener = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1 || *listener < 0 ||
        setsockopt(*listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(*listener, (struct sockaddr *)&address, length) != 0 || listen(*listener, 16) != 0 ||
        getsockname(*listener, (struct sockaddr *)&address, &length) != 0) {
        perror("draw-server");
        return -1;
    }
    return ntohs(address.sin_port);
}

int main(int count, char **arguments) {
    const char *host = "127.0.0.1";
    int wanted = 0, tls_port = 0, listener;
    char **tls = NULL;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--address") == 0 && i + 1 < count) {
            host = arguments[++i];
        } else if (strcmp(arguments[i], "--port") == 0 && i + 1 < count) {
            wanted = atoi(arguments[++i]);
        } else if (strcmp(arguments[i], "--tls") == 0 && i + 3 < count) {
            tls = arguments + i + 1;
            i += 3;
        } else {
            fprintf(stderr, "draw-server [--address A] [--port N] [--tls CERTIFICATE KEY CA]\n");
            return 2;
        }
    }
    /* A client that leaves in the middle of a message must not take the server with it. */
    signal(SIGPIPE, SIG_IGN);
    int port = listen_at(host, wanted, &listener);
    if (port < 0) {
        return 1;
    }
    server = spice_server_new();
    spice_server_set_noauth(server);
    spice_server_set_name(server, "draw-server");
    if (tls != NULL) {
        /* Here the library listens itself: at a port that was free a moment ago. */
        int free_port;
        tls_port = listen_at(host, 0, &free_port);
        close(free_port);
        spice_server_set_addr(server, host, SPICE_ADDR_FLAG_IPV4_ONLY);
        if (spice_server_set_tls(server, tls_port, tls[2], tls[0], tls[1], NULL, NULL, NULL) != 0) {
            fprintf(stderr, "draw-server: the certificate cannot be used\n");
            return 1;
        }
    }
    loop_channels(channel_told);
    if (spice_server_init(server, &loop_core) != 0) {
        fprintf(stderr, "draw-server: spice_server_init failed\n");
        return 1;
    }
    device_init(server);
    input_init(server);
    spice_server_vm_start(server);
    loop_read(STDIN_FILENO, stdin_ready);
    loop_read(listener, listener_ready);
    printf("port %d\n", port);
    if (tls != NULL) {
        printf("tls-port %d\n", tls_port);
    }
    fflush(stdout);
    loop_run();
    /* The server's threads may still be at work on our memory: the system cleans up. */
    _exit(0);
}
