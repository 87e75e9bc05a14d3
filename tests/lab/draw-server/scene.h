/* Scenes that run by themselves: what a busy guest draws, for benchmarks. */
#ifndef SCENE_H
#define SCENE_H

#include <stdbool.h>

#include <spice.h>

/* The command `scene`: reads its pairs, makes the screen and starts. Gives NULL or what was wrong.
 * When it is over, `event scene ...` is printed. */
const char *scene_start(SpiceServer *server);

/* The running scene, if any, ends as soon as it can. */
void scene_stop(void);

/* Prints `event synced` once all that was drawn so far has been sent. */
const char *scene_sync(void);

/* A display channel came (true) or went. */
void scene_client(bool present);

#endif
