/* Keyboard, mouse and tablet: what the client does is printed as `event` lines. */
#include "input.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "device.h"

static uint8_t leds;
static bool times;

/* What a key press turns over. */
static struct {
    bool on, dark;
    QXLRect box;
} echo;

int64_t input_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* Prints an event, with the time if that is wanted. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...) {
    int64_t now = input_now();
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (times) {
        printf("event %s at=%" PRId64 "\n", line, now);
    } else {
        printf("event %s\n", line);
    }
    fflush(stdout);
}

void input_times(bool on) {
    times = on;
}

void input_echo(bool on, QXLRect box) {
    echo.on = on;
    echo.box = box;
}

static void turn_over(void) {
    echo.dark = !echo.dark;
    uint32_t colour = echo.dark ? 0x000000 : 0xffffff;
    QXLDrawable *drawable = device_drawable(0, QXL_DRAW_FILL, echo.box, NULL);
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    drawable->u.fill.brush.u.color = colour;
    drawable->u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    device_draw(drawable);
    printf("event echo rgb=%06x at=%" PRId64 "\n", colour, input_now());
    fflush(stdout);
}

static void key(SpiceKbdInstance *keyboard, uint8_t code) {
    (void)keyboard;
    /* Presses only, and once for keys of two codes. */
    if (echo.on && code < 0x80) {
        turn_over();
    }
    tell("key %02x", code);
}

static uint8_t get_leds(SpiceKbdInstance *keyboard) {
    (void)keyboard;
    return leds;
}

static void motion(SpiceMouseInstance *mouse, int dx, int dy, int dz, uint32_t buttons) {
    (void)mouse;
    tell("motion %d %d %d %x", dx, dy, dz, buttons);
}

static void mouse_buttons(SpiceMouseInstance *mouse, uint32_t buttons) {
    (void)mouse;
    tell("buttons %x", buttons);
}

static void set_logical_size(SpiceTabletInstance *tablet, int width, int height) {
    (void)tablet;
    (void)width;
    (void)height;
}

static void position(SpiceTabletInstance *tablet, int x, int y, uint32_t buttons) {
    (void)tablet;
    tell("position %d %d %x", x, y, buttons);
}

static void wheel(SpiceTabletInstance *tablet, int turns, uint32_t buttons) {
    (void)tablet;
    tell("wheel %d %x", turns, buttons);
}

static void tablet_buttons(SpiceTabletInstance *tablet, uint32_t buttons) {
    (void)tablet;
    tell("buttons %x", buttons);
}

static const SpiceKbdInterface keyboard_interface = {
    .base = {.type = SPICE_INTERFACE_KEYBOARD,
             .description = "keyboard",
             .major_version = SPICE_INTERFACE_KEYBOARD_MAJOR,
             .minor_version = SPICE_INTERFACE_KEYBOARD_MINOR},
    .push_scan_freg = key,
    .get_leds = get_leds,
};

static const SpiceMouseInterface mouse_interface = {
    .base = {.type = SPICE_INTERFACE_MOUSE,
             .description = "mouse",
             .major_version = SPICE_INTERFACE_MOUSE_MAJOR,
             .minor_version = SPICE_INTERFACE_MOUSE_MINOR},
    .motion = motion,
    .buttons = mouse_buttons,
};

static const SpiceTabletInterface tablet_interface = {
    .base = {.type = SPICE_INTERFACE_TABLET,
             .description = "tablet",
             .major_version = SPICE_INTERFACE_TABLET_MAJOR,
             .minor_version = SPICE_INTERFACE_TABLET_MINOR},
    .set_logical_size = set_logical_size,
    .position = position,
    .wheel = wheel,
    .buttons = tablet_buttons,
};

static SpiceKbdInstance keyboard = {.base.sif = &keyboard_interface.base};
static SpiceMouseInstance mouse = {.base.sif = &mouse_interface.base};
static SpiceTabletInstance tablet = {.base.sif = &tablet_interface.base};
static int tablet_present;

void input_init(SpiceServer *server) {
    spice_server_add_interface(server, &keyboard.base);
    spice_server_add_interface(server, &mouse.base);
    input_tablet(server, 1);
}

void input_tablet(SpiceServer *server, int present) {
    if (present == tablet_present) {
        return;
    }
    if (present) {
        spice_server_add_interface(server, &tablet.base);
    } else {
        spice_server_remove_interface(&tablet.base);
    }
    tablet_present = present;
}

void input_leds(uint8_t set) {
    leds = set;
    spice_server_kbd_leds(&keyboard, set);
}
