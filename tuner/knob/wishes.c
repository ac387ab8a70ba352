/* Lists of wishes and of notes about what could not be wished for (knob.h). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "knob.h"
#include "socle/cleanup.h"

/* Room for one more element in *list. */
static int grow(void **list, size_t count, size_t *room, size_t size)
{
        if (count < *room)
                return 0;
        size_t wanted = *room ? *room * 2 : 16;
        void *more = reallocarray(*list, wanted, size);
        if (!more)
                return -ENOMEM;
        *list = more;
        *room = wanted;
        return 0;
}

int wishes_add(struct wishes *wishes, const struct knob *knob, const char *target, const char *value, const char *why,
               ...)
{
        va_list args;
        char *text = NULL;

        va_start(args, why);
        int length = vasprintf(&text, why, args);
        va_end(args);
        struct wish wish = {knob, strdup(target), strdup(value), length < 0 ? NULL : text};
        if (!wish.target || !wish.value || !wish.why ||
            grow((void **)&wishes->list, wishes->count, &wishes->room, sizeof(wish)) < 0) {
                free(wish.target);
                free(wish.value);
                free(wish.why);
                return -ENOMEM;
        }
        size_t at = wishes->count++;
        for (; at > 0 && wishes->list[at - 1].knob->order > knob->order; at--)
                wishes->list[at] = wishes->list[at - 1];
        wishes->list[at] = wish;
        return 0;
}

int wishes_note(struct wishes *wishes, const struct knob *knob, const char *target, const char *text, ...)
{
        va_list args;
        char *words = NULL;

        va_start(args, text);
        int length = vasprintf(&words, text, args);
        va_end(args);
        struct wish_note note = {knob, strdup(target), length < 0 ? NULL : words};
        if (!note.target || !note.text ||
            grow((void **)&wishes->notes, wishes->note_count, &wishes->note_room, sizeof(note)) < 0) {
                free(note.target);
                free(note.text);
                return -ENOMEM;
        }
        wishes->notes[wishes->note_count++] = note;
        return 0;
}

int wishes_add_file(struct wishes *wishes, const struct knob *knob, const struct host *host, const char *target,
                    const char *value, const char *why)
{
        cleanup_free char *path = knob_path(knob, target);

        if (!path)
                return -ENOMEM;
        if (!host_exists(host, "%s", path))
                return wishes_note(wishes, knob, target, "this host has no %s", path);
        return wishes_add(wishes, knob, target, value, "%s", why);
}

void wishes_clear(struct wishes *wishes)
{
        for (size_t i = 0; i < wishes->count; i++) {
                free(wishes->list[i].target);
                free(wishes->list[i].value);
                free(wishes->list[i].why);
        }
        for (size_t i = 0; i < wishes->note_count; i++) {
                free(wishes->notes[i].target);
                free(wishes->notes[i].text);
        }
        free(wishes->list);
        free(wishes->notes);
        *wishes = (struct wishes){};
}
