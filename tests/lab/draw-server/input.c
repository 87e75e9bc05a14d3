/* Keyboard, mouse and tablet: what the client does is printed as `event` lines. */
#include "input.h"

#include <stdio.h>

static uint8_t leds;

static void key(SpiceKbdInstance *keyboard, uint8_t code) {
    (void)keyboard;
    printf("event key %02x\n", code);
    fflush(stdout);
}

static uint8_t get_leds(SpiceKbdInstance *keyboard) {
    (void)keyboard;
    return leds;
}

static void motion(SpiceMouseInstance *mouse, int dx, int dy, int dz, uint32_t buttons) {
    (void)mouse;
    printf("event motion %d %d %d %x\n", dx, dy, dz, buttons);
    fflush(stdout);
}

static void mouse_buttons(SpiceMouseInstance *mouse, uint32_t buttons) {
    (void)mouse;
    printf("event buttons %x\n", buttons);
    fflush(stdout);
}

static void set_logical_size(SpiceTabletInstance *tablet, int width, int height) {
    (void)tablet;
    (void)width;
    (void)height;
}

static void position(SpiceTabletInstance *tablet, int x, int y, uint32_t buttons) {
    (void)tablet;
    printf("event position %d %d %x\n", x, y, buttons);
    fflush(stdout);
}

static void wheel(SpiceTabletInstance *tablet, int turns, uint32_t buttons) {
    (void)tablet;
    printf("event wheel %d %x\n", turns, buttons);
    fflush(stdout);
}

static void tablet_buttons(SpiceTabletInstance *tablet, uint32_t buttons) {
    (void)tablet;
    printf("event buttons %x\n", buttons);
    fflush(stdout);
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
