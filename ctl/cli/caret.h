/* Requests that hold a packet in words: what is wrong with the words is shown below them. */
#pragma once

#include <jansson.h>

struct arguments;
struct session;

/* The operands from the first on, with blanks between them; a new string, "" when there are none. */
char *caret_words(const struct arguments *arguments, int first);

/* session_call() for a request with `words` as its "packet" (NULL: none). CLI_USAGE when they are what is wrong. */
int caret_call(struct session *session, const char *method, json_t *params, const char *words, json_t **ret_result);
