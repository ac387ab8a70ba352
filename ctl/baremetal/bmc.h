/* Is the BMC there, and does it take our word? Asked before anything is written to Ironic, so that what is wrong is
 * said in plain words, and as what it is. Blocks. One way, one file. */
#pragma once

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>

enum bmc_fault { BMC_OK, BMC_UNREACHABLE, BMC_CERTIFICATE, BMC_PASSWORD, BMC_ODD };
enum { BMC_WORDS = 512, BMC_HOST = 256 };

/* `info`: Ironic's driver_info of the driver, `bmc` the spec of it. Words unless BMC_OK. */
enum bmc_fault bmc_probe(const char *driver, const json_t *info, const char *ca, const char *password,
                         const atomic_bool *cancel, char words[BMC_WORDS]);
const char *bmc_fault_name(enum bmc_fault fault);

enum bmc_fault bmc_probe_redfish(const json_t *info, const char *ca, const char *password, const atomic_bool *cancel,
                                 char words[BMC_WORDS]);
enum bmc_fault bmc_probe_ipmi(const json_t *info, const char *password, const atomic_bool *cancel,
                              char words[BMC_WORDS]);
/* What ipmitool's words mean. Pure. */
enum bmc_fault bmc_ipmi_words(const char *output);

/* Do two nodes' driver_info mean the same BMC? Pure. */
bool bmc_same(const json_t *info, const json_t *other);
/* Does driver_info name a BMC at all? */
bool bmc_is_known(const json_t *info);
/* The host, a name or an address, of the first BMC in driver_info; false: it names none. Pure. */
bool bmc_host(const json_t *info, char ret[BMC_HOST]);
