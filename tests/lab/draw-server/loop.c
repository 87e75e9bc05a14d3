/* An event loop over poll(2), in the shape that libspice-server wants of its host program. */
#include "loop.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_WATCHES = 256 };

struct SpiceTimer {
    SpiceTimerFunc call;
    void *opaque;
    int64_t due; /* in milliseconds; below 0: not running */
    bool removed;
    SpiceTimer *next;
};

struct SpiceWatch {
    int fd;
    int mask;
    SpiceWatchFunc call;
    void *opaque;
    bool removed;
    SpiceWatch *next;
};

static SpiceTimer *timers;
static SpiceWatch *watches;
static bool stopping;

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static SpiceTimer *timer_add(SpiceTimerFunc call, void *opaque) {
    SpiceTimer *timer = allocate(sizeof(*timer));
    timer->call = call;
    timer->opaque = opaque;
    timer->due = -1;
    timer->next = timers;
    timers = timer;
    return timer;
}

static void timer_start(SpiceTimer *timer, uint32_t ms) {
    timer->due = now() + ms;
}

static void timer_cancel(SpiceTimer *timer) {
    timer->due = -1;
}

/* Removed timers and watches are freed between rounds: a callback may remove any of them. */
static void timer_remove(SpiceTimer *timer) {
    timer->due = -1;
    timer->removed = true;
}

static SpiceWatch *watch_add(int fd, int mask, SpiceWatchFunc call, void *opaque) {
    SpiceWatch *watch = allocate(sizeof(*watch));
    watch->fd = fd;
    watch->mask = mask;
    watch->call = call;
    watch->opaque = opaque;
    watch->next = watches;
    watches = watch;
    return watch;
}

static void watch_update_mask(SpiceWatch *watch, int mask) {
    watch->mask = mask;
}

static void watch_remove(SpiceWatch *watch) {
    watch->removed = true;
}

static void (*channel_told)(int event, SpiceChannelEventInfo *info);

void loop_channels(void (*told)(int event, SpiceChannelEventInfo *info)) {
    channel_told = told;
}

static void channel_event(int event, SpiceChannelEventInfo *info) {
    if (channel_told != NULL) {
        channel_told(event, info);
    }
}

SpiceCoreInterface loop_core = {
    .base = {.major_version = SPICE_INTERFACE_CORE_MAJOR,
             .minor_version = SPICE_INTERFACE_CORE_MINOR},
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_remove = timer_remove,
    .watch_add = watch_add,
    .watch_update_mask = watch_update_mask,
    .watch_remove = watch_remove,
    .channel_event = channel_event,
};

static void read_ready(int fd, int event, void *opaque) {
    (void)event;
    ((void (*)(int))opaque)(fd);
}

void loop_read(int fd, void (*ready)(int fd)) {
    watch_add(fd, SPICE_WATCH_EVENT_READ, read_ready, (void *)ready);
}

void loop_stop(void) {
    stopping = true;
}

static void sweep(void) {
    for (SpiceTimer **at = &timers; *at != NULL;) {
        SpiceTimer *timer = *at;
        if (timer->removed) {
            *at = timer->next;
            free(timer);
        } else {
            at = &timer->next;
        }
    }
    for (SpiceWatch **at = &watches; *at != NULL;) {
        SpiceWatch *watch = *at;
        if (watch->removed) {
            *at = watch->next;
            free(watch);
        } else {
            at = &watch->next;
        }
    }
}

static int timeout(void) {
    int64_t first = -1;
    for (SpiceTimer *timer = timers; timer != NULL; timer = timer->next) {
        if (timer->due >= 0 && (first < 0 || timer->due < first)) {
            first = timer->due;
        }
    }
    if (first < 0) {
        return -1;
    }
    int64_t left = first - now();
    return left < 0 ? 0 : (int)left;
}

void loop_run(void) {
    while (!stopping) {
        struct pollfd polled[MOST_WATCHES];
        SpiceWatch *of[MOST_WATCHES];
        int count = 0;
        sweep();
        for (SpiceWatch *watch = watches; watch != NULL && count < MOST_WATCHES;
             watch = watch->next) {
            polled[count].fd = watch->fd;
            polled[count].events = (watch->mask & SPICE_WATCH_EVENT_READ ? POLLIN : 0) |
                                   (watch->mask & SPICE_WATCH_EVENT_WRITE ? POLLOUT : 0);
            polled[count].revents = 0;
            of[count++] = watch;
        }
        poll(polled, (nfds_t)count, timeout());
        int64_t time = now();
        for (SpiceTimer *timer = timers; timer != NULL; timer = timer->next) {
            if (timer->due >= 0 && timer->due <= time) {
                timer->due = -1;
                timer->call(timer->opaque);
            }
        }
        for (int i = 0; i < count; i++) {
            int event =
                (polled[i].revents & (POLLIN | POLLHUP | POLLERR) ? SPICE_WATCH_EVENT_READ : 0) |
                (polled[i].revents & POLLOUT ? SPICE_WATCH_EVENT_WRITE : 0);
            event &= of[i]->mask;
            if (event != 0 && !of[i]->removed) {
                of[i]->call(of[i]->fd, event, of[i]->opaque);
            }
        }
    }
}
