/* Scenes that run by themselves: what a busy guest draws, for benchmarks.
 *
 * A scene has a thread of its own, as a guest has: it is slowed down only by what slows down a
 * guest, a full queue. What it draws depends on its seed and count alone.
 */
#include "scene.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "desktop.h"
#include "device.h"
#include "options.h"
#include "scene_picture.h"

enum {
    RING = 32, /* commands that a QXL device holds */
    PATIENCE = 100, /* milliseconds between looks at whether to stop */
    END = 120000, /* milliseconds for what is on its way to be sent */
};

typedef enum { DESKTOP, PHOTO, VIDEO720, VIDEO1080, MIXED } Kind;

static const char *const names[] = {"desktop", "photo", "video720", "video1080", "mixed"};

static struct {
    Kind kind;
    uint32_t width, height;
    int64_t count; /* below 0: no end */
    double seconds, rate;
    uint64_t depth;
    uint32_t seed;
    bool wait;
} scene;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool running, stopping;
static int clients;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool stopped(void) {
    pthread_mutex_lock(&lock);
    bool stop = stopping;
    pthread_mutex_unlock(&lock);
    return stop;
}

/* Waits until the time, or to be stopped. */
static void sleep_until(double due) {
    for (double left; (left = due - now()) > 0 && !stopped();) {
        double piece = left > 0.05 ? 0.05 : left;
        struct timespec time = {0, (long)(piece * 1e9)};
        nanosleep(&time, NULL);
    }
}

/* Waits for a place in the queue. */
static bool room(void) {
    while (!device_wait_taken(RING - 1, PATIENCE)) {
        if (stopped()) {
            return false;
        }
    }
    return !stopped();
}

/* Waits until nothing of what was drawn is needed any more but for a dictionary. */
static bool all_sent(void) {
    device_fence();
    return device_wait_fences(0, END);
}

static void draw_image(QXLImage *image, QXLRect box) {
    QXLDrawable *drawable = device_drawable(0, QXL_DRAW_COPY, box, image);
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->u.copy.src_bitmap = (uintptr_t)image;
    drawable->u.copy.src_area.right = box.right - box.left;
    drawable->u.copy.src_area.bottom = box.bottom - box.top;
    drawable->u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    device_draw(drawable);
}

static QXLRect box_of(int32_t x, int32_t y, uint32_t width, uint32_t height) {
    QXLRect box = {.left = x, .top = y, .right = x + (int32_t)width, .bottom = y + (int32_t)height};
    return box;
}

/* A film: a camera that moves over a large picture, a few pixels a frame, and now and then turns. */
typedef struct {
    const Panorama *panorama;
    uint32_t x, y;
    int32_t dx, dy;
    uint32_t width, height;
} Film;

static Film film_make(uint32_t width, uint32_t height, uint32_t seed) {
    Film film = {.x = 0, .y = 0, .dx = 3, .dy = 1, .width = width, .height = height};
    film.panorama = panorama_of(width + 512, height + 256, seed);
    return film;
}

static void film_step(Film *film, int32_t left, int32_t top) {
    uint32_t space_x = film->panorama->width - film->width;
    uint32_t space_y = film->panorama->height - film->height;
    int64_t x = (int64_t)film->x + film->dx, y = (int64_t)film->y + film->dy;
    if (x < 0 || x > space_x) {
        film->dx = -film->dx;
        x = (int64_t)film->x + film->dx;
    }
    if (y < 0 || y > space_y) {
        film->dy = -film->dy;
        y = (int64_t)film->y + film->dy;
    }
    film->x = (uint32_t)x;
    film->y = (uint32_t)y;
    draw_image(panorama_part(film->panorama, film->x, film->y, film->width, film->height),
               box_of(left, top, film->width, film->height));
}

/* What was drawn, for the line at the end. */
typedef struct {
    uint64_t pictures;
    DesktopCounts desktop;
    double seconds;
} Drawn;

static bool goes_on(const Drawn *drawn, uint64_t count, double begin) {
    (void)drawn;
    return !stopped() && (scene.count < 0 || count < (uint64_t)scene.count) &&
           (scene.seconds <= 0 || now() - begin < scene.seconds);
}

static void run_desktop(Drawn *drawn, double begin) {
    Desktop *desktop = desktop_make(scene.seed, box_of(0, 0, scene.width, scene.height));
    for (uint64_t i = 0; goes_on(drawn, i, begin) && room(); i++) {
        desktop_step(desktop, &drawn->desktop);
        if (scene.rate > 0) {
            sleep_until(begin + (double)(i + 1) / scene.rate);
        }
    }
}

/* Behind each photograph there is a fence: it has the photograph rendered at once, so that it is not
 * left out when the next one covers it, and tells when it was sent. */
static void run_photo(Drawn *drawn, double begin) {
    const Panorama *panorama = wallpaper_of(scene.width + 256, scene.height + 256, scene.seed);
    for (uint64_t i = 0; goes_on(drawn, i, begin); i++) {
        uint32_t x = (uint32_t)(i * 37 % 256), y = (uint32_t)(i * 91 % 256);
        draw_image(panorama_photo(panorama, x, y, scene.width, scene.height,
                                  scene.seed + (uint32_t)i),
                   box_of(0, 0, scene.width, scene.height));
        drawn->pictures++;
        device_fence();
        while (!device_wait_fences(scene.depth - 1, PATIENCE) && !stopped()) {
        }
        if (scene.rate > 0) {
            sleep_until(begin + (double)(i + 1) / scene.rate);
        }
    }
}

static void run_video(Drawn *drawn, double begin) {
    bool large = scene.kind == VIDEO1080;
    Film film = film_make(large ? 1920 : 1280, large ? 1080 : 720, scene.seed);
    for (uint64_t i = 0; goes_on(drawn, i, begin) && room(); i++) {
        film_step(&film, 0, 0);
        drawn->pictures++;
        sleep_until(begin + (double)(i + 1) / scene.rate);
    }
}

static void run_mixed(Drawn *drawn, double begin) {
    Film film = film_make(640, 360, scene.seed);
    const Panorama *panorama = wallpaper_of(900, 600, scene.seed + 9);
    Desktop *desktop =
        desktop_make(scene.seed, box_of(0, 0, scene.width - film.width, scene.height));
    int32_t left = (int32_t)(scene.width - film.width);
    double next_frame = begin, next_photo = begin + 1;
    for (uint64_t i = 0; goes_on(drawn, i, begin) && room(); i++) {
        desktop_step(desktop, &drawn->desktop);
        if (now() >= next_frame) {
            film_step(&film, left, 0);
            drawn->pictures++;
            next_frame += 1.0 / 30;
        }
        if (now() >= next_photo) {
            draw_image(panorama_photo(panorama, 0, 0, 640, 400, scene.seed + (uint32_t)i),
                       box_of(left, 380, 640, 400));
            drawn->pictures++;
            next_photo += 2;
        }
        sleep_until(begin + (double)(i + 1) / scene.rate);
    }
}

static void *run(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    while (scene.wait && clients == 0 && !stopping) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    DeviceCounts before, after;
    device_counts(&before);
    Drawn drawn = {0};
    double begin = now();
    switch (scene.kind) {
    case DESKTOP:
        run_desktop(&drawn, begin);
        break;
    case PHOTO:
        run_photo(&drawn, begin);
        break;
    case VIDEO720:
    case VIDEO1080:
        run_video(&drawn, begin);
        break;
    case MIXED:
        run_mixed(&drawn, begin);
        break;
    }
    drawn.seconds = now() - begin;
    bool sent = all_sent();
    device_counts(&after);
    printf("event scene %s drawn=%" PRIu64 " released=%" PRIu64 " pictures=%" PRIu64
           " fill=%" PRIu64 " copy=%" PRIu64 " cached=%" PRIu64 " copy_bits=%" PRIu64
           " seconds=%.3f sent_seconds=%.3f complete=%d\n",
           names[scene.kind], after.drawn - before.drawn, after.released - before.released,
           drawn.pictures, drawn.desktop.fill, drawn.desktop.copy, drawn.desktop.cached,
           drawn.desktop.copy_bits, drawn.seconds, now() - begin, sent);
    fflush(stdout);
    pthread_mutex_lock(&lock);
    running = false;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static double real(const char *name, double otherwise) {
    const char *value = text(name);
    return value == NULL ? otherwise : strtod(value, NULL);
}

static const char *read_options(SpiceServer *server) {
    bool video = scene.kind == VIDEO720 || scene.kind == VIDEO1080;
    const char *wrong = NULL;
    static const struct {
        const char *name;
        const char *(*set)(SpiceServer *, const char *);
    } lasting[] = {
        {"compression", option_compression}, {"jpeg", option_jpeg}, {"zlib", option_zlib}};
    static char now_set[COUNT(lasting)][16];
    for (int i = 0; i < COUNT(lasting) && wrong == NULL; i++) {
        const char *mode = text(lasting[i].name);
        if (mode != NULL && strcmp(mode, now_set[i]) != 0) {
            /* The server looks at it when a display channel opens, and then no more. */
            wrong = clients > 0 ? "this has to be set before the client comes (or say wait=1)"
                                : lasting[i].set(server, mode);
            snprintf(now_set[i], sizeof(now_set[i]), "%s", wrong == NULL ? mode : "");
        }
    }
    if (wrong == NULL && text("codec") != NULL) {
        wrong = option_codec(server, text("codec"));
    }
    if (wrong == NULL) {
        const char *streaming = text("streaming");
        wrong = option_streaming(server, streaming != NULL              ? streaming
                                         : video                        ? "all"
                                         : scene.kind == MIXED          ? "filter"
                                                                        : "off");
    }
    return wrong;
}

static bool begin_thread(void *(*body)(void *)) {
    pthread_mutex_lock(&lock);
    bool busy = running;
    running = true;
    stopping = false;
    pthread_mutex_unlock(&lock);
    if (busy) {
        return false;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, NULL) != 0) {
        abort();
    }
    pthread_detach(thread);
    return true;
}

const char *scene_start(SpiceServer *server) {
    pthread_mutex_lock(&lock);
    bool busy = running;
    pthread_mutex_unlock(&lock);
    int kind = choice(text("name"), names, COUNT(names));
    if (kind < 0 || busy) {
        return busy ? "a scene is running" : "scene name";
    }
    scene.kind = (Kind)kind;
    bool large = kind == VIDEO1080;
    int64_t size[2] = {large ? 1920 : 1280, large ? 1080 : 800};
    numbers(text("size"), 2, size);
    int64_t least = kind == MIXED ? 1280 : kind == DESKTOP ? 640 : 16;
    if (kind == VIDEO720 || kind == VIDEO1080) {
        least = large ? 1920 : 1280;
    }
    if (size[0] < least || size[0] > 8192 || size[1] < (kind == PHOTO ? 16 : 480) || size[1] > 8192 ||
        (kind == VIDEO720 && size[1] < 720) || (large && size[1] < 1080) ||
        (kind == MIXED && size[1] < 800)) {
        return "scene size";
    }
    scene.width = (uint32_t)size[0];
    scene.height = (uint32_t)size[1];
    scene.seconds = real("seconds", -1);
    scene.count = number("count", -1);
    if (scene.seconds <= 0 && scene.count < 0) {
        scene.seconds = 5;
    }
    scene.rate = real("rate", kind == DESKTOP || kind == PHOTO ? 0 : kind == MIXED ? 500 : 60);
    if (scene.rate <= 0 && kind != DESKTOP && kind != PHOTO) {
        return "scene rate";
    }
    int64_t depth = number("depth", 2);
    scene.depth = depth < 1 ? 1 : (uint64_t)depth;
    scene.seed = (uint32_t)number("seed", 1);
    scene.wait = number("wait", 0) != 0;
    const char *wrong = read_options(server);
    if (wrong != NULL) {
        return wrong;
    }
    uint32_t width, height;
    bool present = device_primary(&width, &height);
    if (!present || width != scene.width || height != scene.height) {
        if (present) {
            device_destroy_primary();
        }
        device_create_primary(scene.width, scene.height, SPICE_SURFACE_FMT_32_xRGB);
    }
    return begin_thread(run) ? NULL : "a scene is running";
}

void scene_stop(void) {
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void *sync_all(void *unused) {
    (void)unused;
    bool sent = all_sent();
    printf("event synced complete=%d\n", sent);
    fflush(stdout);
    pthread_mutex_lock(&lock);
    running = false;
    pthread_mutex_unlock(&lock);
    return NULL;
}

const char *scene_sync(void) {
    return begin_thread(sync_all) ? NULL : "a scene is running";
}

void scene_client(bool present) {
    pthread_mutex_lock(&lock);
    clients += present ? 1 : -1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}
