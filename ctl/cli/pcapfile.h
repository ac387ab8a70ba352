/* A frame out of a file, classic pcap or pcapng, by libpcap. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The frame of that number, from 1, as a new array. "-" is standard input. An exit_status; says what is wrong. */
int pcapfile_read(const char *path, unsigned long number, uint8_t **ret, size_t *ret_length);
