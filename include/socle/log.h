/* Logging of the programs; libraries return errors instead. One line an event, to stderr with the syslog priority
 * prefix journald reads (sd-daemon(3)), or coloured when stderr is a terminal. */
#pragma once

#include <syslog.h>

/* Sets the least important priority that is still written (LOG_DEBUG … LOG_ERR); LOG_INFO at start. */
void socle_log_level(int priority);

void socle_log(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)   socle_log(LOG_ERR, __VA_ARGS__)
#define log_warning(...) socle_log(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  socle_log(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    socle_log(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   socle_log(LOG_DEBUG, __VA_ARGS__)
