/* See bmc.h. */
#include <string.h>

#include "bmc.h"
#include "socle/cleanup.h"

const char *bmc_fault_name(enum bmc_fault fault)
{
        static const char *const names[] = {[BMC_OK] = "ok",
                                            [BMC_UNREACHABLE] = "unreachable",
                                            [BMC_CERTIFICATE] = "bad certificate",
                                            [BMC_PASSWORD] = "wrong password",
                                            [BMC_ODD] = "odd answer"};

        return names[fault];
}

enum bmc_fault bmc_probe(const char *driver, const json_t *info, const char *ca, const char *password,
                         const atomic_bool *cancel, char words[BMC_WORDS])
{
        if (strcmp(driver, "redfish") == 0)
                return bmc_probe_redfish(info, ca, password, cancel, words);
        if (strcmp(driver, "ipmi") == 0)
                return bmc_probe_ipmi(info, password, cancel, words);
        return BMC_OK;
}
