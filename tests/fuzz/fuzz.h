/* One fuzzer is one file with this function: libFuzzer calls it (clang), or standalone.c does with the
 * files of the corpus, so that the corpus runs as an ordinary test with any compiler. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
