/* See formula_hci.h. */
#include "formula_hci.h"

uint64_t hci_guests(uint64_t memory_bytes, uint64_t osd_bytes, uint64_t guest_bytes, uint64_t overhead_bytes)
{
        if (memory_bytes <= osd_bytes || guest_bytes + overhead_bytes == 0)
                return 0;
        return (memory_bytes - osd_bytes) / (guest_bytes + overhead_bytes);
}

bool hci_reserved_too_much(uint64_t reserved_bytes, uint64_t memory_bytes)
{
        return reserved_bytes > memory_bytes / 100 * HCI_RESERVED_PERCENT_MAX;
}

double hci_ratio(unsigned cpus, unsigned osd_cpus, unsigned utilization_percent)
{
        if (cpus == 0 || osd_cpus >= cpus || utilization_percent == 0)
                return 0;
        return (cpus - osd_cpus) / (utilization_percent / 100.0) / cpus;
}
