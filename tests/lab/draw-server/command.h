/* The command being carried out: a word, then name=value pairs. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdint.h>

#include <spice.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/* Cuts up a line, which must last as long as its command; gives the word, or NULL if it is empty. */
const char *command_read(char *line);

/* The value with this name, or NULL. */
const char *text(const char *name);

/* The number with this name, or the one for when there is none. */
int64_t number(const char *name, int64_t otherwise);

/* Reads up to `count` numbers between commas; gives how many there are. */
int numbers(const char *value, int count, int64_t *out);

/* X,Y,W,H */
QXLRect rect(const char *value);

/* What places on a surface are counted from, so that one drawing can be told for many places. */
void origin_set(int32_t x, int32_t y);
void origin_back(void); /* the one before */
void origin_get(int32_t *x, int32_t *y);

/* X,Y,W,H from the origin */
QXLRect place(const char *value);

/* Which of the names the value is; below 0: none. */
int choice(const char *value, const char *const *names, int count);

#endif
