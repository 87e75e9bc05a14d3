/* A QXL device without a machine around it: libspice-server asks it for commands, we queue them.
 *
 * Commands are taken on libspice-server's own thread, everything else happens on ours. Device
 * addresses are plain pointers: the one memory slot spans all of memory.
 */
#include "device.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GROUP = 0, SLOT = 0, MOST_SURFACES = 128 };

/* Memory that a command points into. */
typedef struct Extra {
    struct Extra *next;
    _Alignas(8) uint8_t data[];
} Extra;

/* What stands before each command: how it goes to the server, and what goes with it. */
typedef struct Queued {
    struct Queued *next;
    QXLCommandExt command;
    void *extra;
    Extra *extras;
    bool fence;
    union {
        QXLReleaseInfo release;
        QXLDrawable drawable;
        QXLSurfaceCmd surface;
        QXLCursorCmd cursor;
    } body;
} Queued;

typedef struct {
    Queued *first, **last;
    bool wanted; /* the server waits to be woken */
} Queue;

static struct {
    uint8_t *memory;
    uint32_t width, height, format;
} surfaces[MOST_SURFACES];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t completed = PTHREAD_COND_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static uint64_t asked_cookie, completed_cookie;
/* Drawings only: surfaces and cursors are kept for as long as they are in use. */
static uint64_t drawn, taken, released;
static uint64_t fences_drawn, fences_released;
static Queue drawings = {NULL, &drawings.first, false};
static Queue pointings = {NULL, &pointings.first, false};
static QXLInstance instance;

static void free_queued(Queued *queued);

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void push(Queue *queue, Queued *queued) {
    pthread_mutex_lock(&lock);
    *queue->last = queued;
    queue->last = &queued->next;
    drawn += queued->command.cmd.type == QXL_CMD_DRAW;
    fences_drawn += queued->fence;
    bool wake = queue->wanted;
    queue->wanted = false;
    pthread_mutex_unlock(&lock);
    if (wake) {
        spice_qxl_wakeup(&instance);
    }
}

static int pop(Queue *queue, QXLCommandExt *command) {
    pthread_mutex_lock(&lock);
    Queued *queued = queue->first;
    if (queued != NULL) {
        queue->first = queued->next;
        if (queue->first == NULL) {
            queue->last = &queue->first;
        }
        *command = queued->command;
        taken += queued->command.cmd.type == QXL_CMD_DRAW;
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return queued != NULL;
}

static int want(Queue *queue) {
    pthread_mutex_lock(&lock);
    bool empty = queue->first == NULL;
    queue->wanted = empty;
    pthread_mutex_unlock(&lock);
    return empty;
}

static void attached_worker(QXLInstance *qxl) {
    (void)qxl;
}

static void set_compression_level(QXLInstance *qxl, int level) {
    (void)qxl;
    (void)level;
}

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info) {
    (void)qxl;
    memset(info, 0, sizeof(*info));
    info->num_memslots_groups = 1;
    info->num_memslots = 1;
    info->memslot_gen_bits = 1;
    info->memslot_id_bits = 1;
    info->internal_groupslot_id = GROUP;
    info->n_surfaces = MOST_SURFACES;
}

static int get_command(QXLInstance *qxl, QXLCommandExt *command) {
    (void)qxl;
    return pop(&drawings, command);
}

static int req_cmd_notification(QXLInstance *qxl) {
    (void)qxl;
    return want(&drawings);
}

static int get_cursor_command(QXLInstance *qxl, QXLCommandExt *command) {
    (void)qxl;
    return pop(&pointings, command);
}

static int req_cursor_notification(QXLInstance *qxl) {
    (void)qxl;
    return want(&pointings);
}

static void release_resource(QXLInstance *qxl, QXLReleaseInfoExt release) {
    (void)qxl;
    Queued *queued = (Queued *)(uintptr_t)release.info->id;
    pthread_mutex_lock(&lock);
    released += queued->command.cmd.type == QXL_CMD_DRAW;
    fences_released += queued->fence;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    free_queued(queued);
}

static void notify_update(QXLInstance *qxl, uint32_t id) {
    (void)qxl;
    (void)id;
}

static int flush_resources(QXLInstance *qxl) {
    (void)qxl;
    return 0;
}

static void async_complete(QXLInstance *qxl, uint64_t cookie) {
    (void)qxl;
    pthread_mutex_lock(&lock);
    completed_cookie = cookie;
    pthread_cond_broadcast(&completed);
    pthread_mutex_unlock(&lock);
}

static void update_area_complete(QXLInstance *qxl, uint32_t surface, QXLRect *updated,
                                 uint32_t count) {
    (void)qxl;
    (void)surface;
    (void)updated;
    (void)count;
}

static void set_client_capabilities(QXLInstance *qxl, uint8_t present, uint8_t caps[58]) {
    (void)qxl;
    (void)present;
    (void)caps;
}

static int client_monitors_config(QXLInstance *qxl, VDAgentMonitorsConfig *config) {
    (void)qxl;
    (void)config;
    return 0;
}

static QXLInterface interface = {
    .base = {.type = SPICE_INTERFACE_QXL,
             .description = "drawing server",
             .major_version = SPICE_INTERFACE_QXL_MAJOR,
             .minor_version = SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached_worker,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_cmd_notification,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = req_cursor_notification,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
    .client_monitors_config = client_monitors_config,
};

void device_init(SpiceServer *server) {
    instance.base.sif = &interface.base;
    instance.id = 0;
    spice_server_add_interface(server, &instance.base);
    spice_qxl_set_device_info(&instance, "pci/0000/02.0", 0, 1);
    QXLDevMemSlot slot = {
        .slot_group_id = GROUP,
        .slot_id = SLOT,
        .virt_end = ~(uintptr_t)0,
        .qxl_ram_size = ~0U,
    };
    spice_qxl_add_memslot(&instance, &slot);
}

uint32_t device_stride(uint32_t width, uint32_t format) {
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        return (width + 31) / 32 * 4;
    case SPICE_SURFACE_FMT_8_A:
        return (width + 3) / 4 * 4;
    case SPICE_SURFACE_FMT_16_555:
    case SPICE_SURFACE_FMT_16_565:
        return (width * 2 + 3) / 4 * 4;
    default:
        return width * 4;
    }
}

static uint8_t *surface_memory(uint32_t id, uint32_t width, uint32_t height, uint32_t format) {
    surfaces[id].width = width;
    surfaces[id].height = height;
    surfaces[id].format = format;
    surfaces[id].memory = allocate((size_t)height * device_stride(width, format));
    return surfaces[id].memory;
}

void device_create_primary(uint32_t width, uint32_t height, uint32_t format) {
    QXLDevSurfaceCreate create = {
        .width = width,
        .height = height,
        .stride = (int32_t)device_stride(width, format),
        .format = format,
        .mouse_mode = 1,
        .type = QXL_SURF_TYPE_PRIMARY,
        .mem = (uintptr_t)surface_memory(0, width, height, format),
        .group_id = GROUP,
    };
    spice_qxl_create_primary_surface(&instance, 0, &create);
}

void device_destroy_primary(void) {
    spice_qxl_destroy_primary_surface(&instance, 0);
    free(surfaces[0].memory);
    surfaces[0].memory = NULL;
}

static Queued *queued_new(uint32_t type, void *extra) {
    Queued *queued = allocate(sizeof(*queued));
    queued->command.cmd.data = (uintptr_t)&queued->body;
    queued->command.cmd.type = type;
    queued->command.group_id = GROUP;
    queued->extra = extra;
    queued->body.release.id = (uintptr_t)queued;
    return queued;
}

/* The command that a body belongs to. */
static Queued *queued_of(QXLReleaseInfo *release) {
    return (Queued *)(uintptr_t)release->id;
}

void device_create_surface(uint32_t id, uint32_t width, uint32_t height, uint32_t format) {
    Queued *queued = queued_new(QXL_CMD_SURFACE, NULL);
    queued->body.surface.surface_id = id;
    queued->body.surface.type = QXL_SURFACE_CMD_CREATE;
    queued->body.surface.u.surface_create.format = format;
    queued->body.surface.u.surface_create.width = width;
    queued->body.surface.u.surface_create.height = height;
    queued->body.surface.u.surface_create.stride = (int32_t)device_stride(width, format);
    queued->body.surface.u.surface_create.data =
        (uintptr_t)surface_memory(id, width, height, format);
    push(&drawings, queued);
}

void device_destroy_surface(uint32_t id) {
    Queued *queued = queued_new(QXL_CMD_SURFACE, surfaces[id].memory);
    queued->body.surface.surface_id = id;
    queued->body.surface.type = QXL_SURFACE_CMD_DESTROY;
    surfaces[id].memory = NULL;
    push(&drawings, queued);
}

QXLDrawable *device_drawable(uint32_t surface, uint8_t type, QXLRect box, void *extra) {
    QXLDrawable *drawable = &queued_new(QXL_CMD_DRAW, extra)->body.drawable;
    drawable->surface_id = surface;
    drawable->type = type;
    drawable->effect = QXL_EFFECT_BLEND;
    drawable->bbox = box;
    for (int i = 0; i < 3; i++) {
        drawable->surfaces_dest[i] = -1;
    }
    return drawable;
}

/* More memory that goes with a drawing, in front of what it has already. */
void *device_extra(QXLDrawable *drawable, size_t size) {
    Extra *extra = allocate(sizeof(*extra) + size);
    Queued *queued = queued_of(&drawable->release_info);
    extra->next = queued->extras;
    queued->extras = extra;
    return extra->data;
}

static void free_queued(Queued *queued) {
    for (Extra *extra = queued->extras, *next; extra != NULL; extra = next) {
        next = extra->next;
        free(extra);
    }
    free(queued->extra);
    free(queued);
}

void device_discard(QXLDrawable *drawable) {
    free_queued(queued_of(&drawable->release_info));
}

void device_draw(QXLDrawable *drawable) {
    push(&drawings, queued_of(&drawable->release_info));
}

QXLCursorCmd *device_cursor(uint8_t type, void *extra) {
    QXLCursorCmd *cursor = &queued_new(QXL_CMD_CURSOR, extra)->body.cursor;
    cursor->type = type;
    return cursor;
}

void device_point(QXLCursorCmd *cursor) {
    push(&pointings, queued_of(&cursor->release_info));
}

void device_counts(DeviceCounts *counts) {
    pthread_mutex_lock(&lock);
    counts->drawn = drawn;
    counts->released = released;
    counts->queued = drawn - taken;
    pthread_mutex_unlock(&lock);
}

/* Waits until `made` is ahead of `done` by so many at most, or the time is up. */
static bool wait_few(const uint64_t *made, const uint64_t *done, uint64_t most, int milliseconds) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += milliseconds / 1000;
    end.tv_nsec += milliseconds % 1000 * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&lock);
    int outcome = 0;
    while (*made - *done > most && outcome != ETIMEDOUT) {
        outcome = pthread_cond_timedwait(&changed, &lock, &end);
    }
    bool few = *made - *done <= most;
    pthread_mutex_unlock(&lock);
    return few;
}

bool device_wait_taken(uint64_t most, int milliseconds) {
    return wait_few(&drawn, &taken, most, milliseconds);
}

void device_fence(void) {
    if (surfaces[0].memory == NULL) {
        return;
    }
    /* One black pixel: what changes nothing is not even sent. Rendered at once, it is kept only for
     * being sent, and nothing drawn later can cover it before. */
    QXLRect pixel = {.left = 0, .top = 0, .right = 1, .bottom = 1};
    QXLDrawable *drawable = device_drawable(0, QXL_DRAW_FILL, pixel, NULL);
    drawable->u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    drawable->u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    Queued *queued = queued_of(&drawable->release_info);
    queued->fence = true;
    push(&drawings, queued);
    spice_qxl_update_area(&instance, 0, &pixel, NULL, 0, 0);
}

bool device_wait_fences(uint64_t most, int milliseconds) {
    return wait_few(&fences_drawn, &fences_released, most, milliseconds);
}

bool device_primary(uint32_t *width, uint32_t *height) {
    *width = surfaces[0].width;
    *height = surfaces[0].height;
    return surfaces[0].memory != NULL;
}

void device_flush(void) {
    /* Rendering even one pixel takes all commands first. */
    if (surfaces[0].memory != NULL) {
        QXLRect area = {0, 0, 1, 1};
        spice_qxl_update_area(&instance, 0, &area, NULL, 0, 0);
    }
}

void device_mark(uint32_t mark) {
    static struct {
        QXLMonitorsConfig config;
        QXLHead head;
    } monitors;
    device_flush();
    memset(&monitors, 0, sizeof(monitors));
    monitors.config.count = 1;
    monitors.config.max_allowed = 1;
    monitors.head.width = mark;
    monitors.head.height = 1;
    spice_qxl_monitors_config_async(&instance, (uintptr_t)&monitors, GROUP, ++asked_cookie);
    pthread_mutex_lock(&lock);
    while (completed_cookie != asked_cookie) {
        pthread_cond_wait(&completed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

void device_reset_images(void) {
    device_flush();
    spice_qxl_reset_image_cache(&instance);
}

const uint8_t *device_render(uint32_t surface, uint32_t *width, uint32_t *height,
                             uint32_t *format) {
    if (surface >= MOST_SURFACES || surfaces[surface].memory == NULL) {
        return NULL;
    }
    *width = surfaces[surface].width;
    *height = surfaces[surface].height;
    *format = surfaces[surface].format;
    QXLRect area = {0, 0, (int32_t)*height, (int32_t)*width};
    spice_qxl_update_area(&instance, surface, &area, NULL, 0, 0);
    return surfaces[surface].memory;
}
