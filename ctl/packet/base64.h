/* Bytes in JSON: RFC 4648, section 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1) /* of the text, its NUL included */

/* Writes BASE64_SIZE(size) characters. */
void base64_encode(const uint8_t *bytes, size_t size, char *ret);

/* Returns the number of bytes, or -EINVAL: not base64, or more than `size` bytes. */
int base64_decode(const char *text, uint8_t *ret, size_t size);
