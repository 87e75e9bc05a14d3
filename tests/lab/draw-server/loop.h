/* An event loop over poll(2), in the shape that libspice-server wants of its host program. */
#ifndef LOOP_H
#define LOOP_H

#include <spice.h>

/* The timers and watches of the main thread, for spice_server_init. */
extern SpiceCoreInterface loop_core;

/* Who is told of channels that come and go (SPICE_CHANNEL_EVENT_...). */
void loop_channels(void (*told)(int event, SpiceChannelEventInfo *info));

/* Calls `ready` whenever `fd` can be read, next to libspice-server's own watches. */
void loop_read(int fd, void (*ready)(int fd));

/* Runs until loop_stop. */
void loop_run(void);
void loop_stop(void);

#endif
