/* Hyper-converged hosts: what Ceph OSDs and guests' overhead take of memory and CPUs, by Red Hat's published formula
 * (Red Hat OpenStack Platform 16, "Hyperconverged Infrastructure Guide", appendix A.1; with today's figures and the two
 * bounds in TripleO's tripleo-ansible, modules/tripleo_derive_hci_parameters.py):
 *
 *      guests   = int((memory − osd_memory · OSDs) / (guest_memory + overhead))        5 GB an OSD, 0.5 GB a guest
 *      reserved = osd_memory · OSDs + overhead · guests                                refused above 80 % of memory
 *      ratio    = (CPUs − CPUs of OSDs) / utilization / CPUs                           refused below 0.5
 *
 * There it is reckoned for the host as a whole, here of each node (memory) and of the host (ratio). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HCI_RESERVED_PERCENT_MAX 80
#define HCI_RATIO_MIN            0.5

uint64_t hci_guests(uint64_t memory_bytes, uint64_t osd_bytes, uint64_t guest_bytes, uint64_t overhead_bytes);
bool hci_reserved_too_much(uint64_t reserved_bytes, uint64_t memory_bytes);
/* vCPUs that Nova may give for each CPU (its cpu_allocation_ratio); 0: there are no CPUs. */
double hci_ratio(unsigned cpus, unsigned osd_cpus, unsigned utilization_percent);
