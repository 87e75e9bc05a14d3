/* The command being carried out: a word, then name=value pairs. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 24 };

/* The pairs of the command being carried out. */
static char *words[MOST_WORDS];
static int word_count;

const char *text(const char *name) {
    size_t length = strlen(name);
    for (int i = 1; i < word_count; i++) {
        if (strncmp(words[i], name, length) == 0 && words[i][length] == '=') {
            return words[i] + length + 1;
        }
    }
    return NULL;
}

int64_t number(const char *name, int64_t otherwise) {
    const char *value = text(name);
    return value == NULL ? otherwise : strtoll(value, NULL, 0);
}

int numbers(const char *value, int count, int64_t *out) {
    int read = 0;
    while (value != NULL && read < count) {
        char *end;
        out[read++] = strtoll(value, &end, 0);
        value = *end == ',' ? end + 1 : NULL;
    }
    return read;
}

QXLRect rect(const char *value) {
    int64_t n[4] = {0};
    numbers(value, 4, n);
    QXLRect rect = {
        .left = (int32_t)n[0],
        .top = (int32_t)n[1],
        .right = (int32_t)(n[0] + n[2]),
        .bottom = (int32_t)(n[1] + n[3]),
    };
    return rect;
}

static int32_t origin_x, origin_y, before_x, before_y;

void origin_set(int32_t x, int32_t y) {
    before_x = origin_x;
    before_y = origin_y;
    origin_x = x;
    origin_y = y;
}

void origin_back(void) {
    origin_x = before_x;
    origin_y = before_y;
}

void origin_get(int32_t *x, int32_t *y) {
    *x = origin_x;
    *y = origin_y;
}

QXLRect place(const char *value) {
    QXLRect box = rect(value);
    box.left += origin_x;
    box.right += origin_x;
    box.top += origin_y;
    box.bottom += origin_y;
    return box;
}

int choice(const char *value, const char *const *names, int count) {
    for (int i = 0; value != NULL && i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            return i;
        }
    }
    return -1;
}

const char *command_read(char *line) {
    word_count = 0;
    for (char *word = strtok(line, " "); word != NULL && word_count < MOST_WORDS;
         word = strtok(NULL, " ")) {
        words[word_count++] = word;
    }
    return word_count == 0 ? NULL : words[0];
}
