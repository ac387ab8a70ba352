/* Logging of the programs; libraries return errors instead. One event a call, in one of four forms: to the journal with
 * fields (sd_journal_send(3)) when stderr is the journal's, coloured lines on a terminal, JSON lines for Filebeat or
 * Fluentd when asked for, else lines with the syslog priority in front (sd-daemon(3)). */
#pragma once

#include <syslog.h>

enum socle_log_form { LOG_FORM_AUTO, LOG_FORM_TEXT, LOG_FORM_JOURNAL, LOG_FORM_JSON };

/* Sets the least important priority that is still written (LOG_DEBUG … LOG_ERR); LOG_INFO at start. */
void socle_log_level(int priority);
/* "auto" (default: the journal if stderr is connected to it, else text), "text", "journal" or "json". -EINVAL. */
int socle_log_format(const char *name);

void socle_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* `fields`: NULL-terminated "NAME=value", names in capitals: PORT, NETWORK, VNI, OBJECT, REVISION, … */
void socle_log_fields(int priority, const char *const *fields, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#define log_error(...)   socle_log(LOG_ERR, __VA_ARGS__)
#define log_warning(...) socle_log(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  socle_log(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    socle_log(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   socle_log(LOG_DEBUG, __VA_ARGS__)
