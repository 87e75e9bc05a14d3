/* Keyboard, mouse and tablet: what the client does is printed as `event` lines. */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

void input_init(SpiceServer *server);

/* Takes the tablet away or gives it back: without one the client is in server mouse mode. */
void input_tablet(SpiceServer *server, int present);

/* The lock keys as the guest has them (SPICE_KEYBOARD_MODIFIER_FLAGS). */
void input_leds(uint8_t leds);

/* Whether events have the time of their arrival at their end, in microseconds of input_now. */
void input_times(bool on);
int64_t input_now(void);

/* Whether a key press at once turns over a part of the screen, between white and black. */
void input_echo(bool on, QXLRect box);

#endif
