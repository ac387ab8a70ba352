/* What is written on a picture of a topology: sizes, speeds, devices. See picture.h. */
#include <stdio.h>
#include <string.h>

#include "picture.h"
#include "socle/cleanup.h"

static const char *scale(char ret[32], uint64_t value, double step, const char *const *units, size_t count)
{
        double scaled = (double)value;
        size_t unit = 0;

        while (scaled >= step && unit + 1 < count) {
                scaled /= step;
                unit++;
        }
        snprintf(ret, 32, scaled < 100 && scaled - (double)(uint64_t)scaled >= 0.05 ? "%.1f %s" : "%.0f %s", scaled,
                 units[unit]);
        return ret;
}

const char *picture_bytes(char ret[32], uint64_t bytes)
{
        static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

        return scale(ret, bytes, 1024, units, ARRAY_LEN(units));
}

const char *picture_size(char ret[32], uint64_t bytes)
{
        static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};

        return scale(ret, bytes, 1000, units, ARRAY_LEN(units));
}

const char *picture_speed(char ret[32], long long mbps)
{
        static const char *const units[] = {"Mbit/s", "Gbit/s", "Tbit/s"};

        ret[0] = 0;
        return mbps > 0 ? scale(ret, (uint64_t)mbps, 1000, units, ARRAY_LEN(units)) : ret;
}

const char *picture_plural(unsigned long long count)
{
        return count == 1 ? "" : "s";
}

char *picture_summary(const struct picture *p)
{
        unsigned cpus = cpu_set_count(&p->present), online = cpu_set_count(&p->online);
        char memory[32], some[48] = "", *text;

        if (online < cpus)
                snprintf(some, sizeof(some), " (%u online)", online);
        if (asprintf(&text, "%s: %u CPU%s%s in %zu core%s, %zu NUMA node%s, %s", picture_text(p->document, "source"),
                     cpus, picture_plural(cpus), some, p->core_count, picture_plural(p->core_count), p->node_count,
                     picture_plural(p->node_count),
                     picture_bytes(memory, (uint64_t)picture_number(p->document, "memory_bytes", 0))) < 0)
                return NULL;
        return text;
}

char *picture_node_facts(const struct picture_node *node)
{
        char bytes[32], *text = NULL;
        size_t size, i;
        json_t *entry;
        const char *before = "; huge pages: ";
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        fprintf(out, "%s%s", cpu_set_empty(&node->cpus) ? "memory only, " : "",
                picture_bytes(bytes, (uint64_t)picture_number(node->json, "memory_bytes", 0)));
        fprintf(out, ", %s free", picture_bytes(bytes, (uint64_t)picture_number(node->json, "free_bytes", 0)));
        json_array_foreach (json_object_get(node->json, "huge_pages"), i, entry) {
                long long count = picture_number(entry, "count", 0), left = picture_number(entry, "free", 0);

                if (count <= 0)
                        continue;
                fprintf(out, "%s%lld of %s", before, count,
                        picture_bytes(bytes, (uint64_t)picture_number(entry, "page_bytes", 0)));
                if (left != count)
                        fprintf(out, " (%lld free)", left);
                before = ", ";
        }
        return fclose(out) == 0 ? text : NULL;
}

char *picture_disk_facts(const json_t *disk)
{
        bool guess = json_is_false(json_object_get(disk, "type_known"));
        char size[32], *text;

        if (asprintf(&text, "%s, %s%s", picture_size(size, (uint64_t)picture_number(disk, "size_bytes", 0)),
                     picture_text(disk, "type"), guess ? " (a guess)" : "") < 0)
                return NULL;
        return text;
}

char *picture_guest_facts(const struct picture_guest *guest)
{
        cleanup_free char *cpus = cpu_set_to_list(&guest->cpus);
        unsigned long long vcpus = (unsigned long long)picture_number(guest->json, "vcpus", 0);
        unsigned count = cpu_set_count(&guest->cpus);
        char memory[32], *text;

        if (asprintf(&text, "%llu vCPU%s%s%s%s%s, %s", vcpus, picture_plural(vcpus), count ? " on CPU" : "",
                     count ? picture_plural(count) : "", count ? " " : "", cpus ? cpus : "",
                     picture_bytes(memory, (uint64_t)picture_number(guest->json, "memory_bytes", 0))) < 0)
                return NULL;
        return text;
}

char *picture_device_name(const json_t *pci)
{
        bool network = strncmp(picture_text(pci, "class"), "02", 2) == 0,
             vf = picture_number(pci, "vf_number", -1) >= 0;
        const char *interface = picture_text(pci, "interface");
        char *text;

        if (asprintf(&text, "%s %s%s%s",
                     vf        ? "VF"
                     : network ? "NIC"
                               : "PCI",
                     picture_text(pci, "address"), *interface ? " " : "", interface) < 0)
                return NULL;
        return text;
}

static void add_fact(FILE *out, const char *format, const char *value)
{
        if (!*value)
                return;
        fputs(ftello(out) > 0 ? ", " : "", out);
        fprintf(out, format, value);
}

static char *device_facts(const json_t *pci, bool all)
{
        long long group = picture_number(pci, "iommu_group", -1), total = picture_number(pci, "sriov_total", 0);
        const char *vendor = picture_text(pci, "vendor_name"), *device = picture_text(pci, "device_name");
        char *text = NULL, number[32];
        size_t size;
        FILE *out = open_memstream(&text, &size);

        if (!out)
                return NULL;
        if (all)
                fprintf(out, "%s%s%s", vendor, *vendor && *device ? " " : "", device);
        add_fact(out, "driver %s", picture_text(pci, "driver"));
        add_fact(out, "%s", picture_speed(number, picture_number(pci, "speed_mbps", 0)));
        snprintf(number, sizeof(number), "%lld", group);
        add_fact(out, "IOMMU group %s", all && group >= 0 ? number : "");
        if (total > 0)
                fprintf(out, "%s%lld of %lld VFs", ftello(out) > 0 ? ", " : "", picture_number(pci, "sriov_count", 0),
                        total);
        return fclose(out) == 0 ? text : NULL;
}

char *picture_device_facts(const json_t *pci)
{
        return device_facts(pci, true);
}

char *picture_device_brief(const json_t *pci)
{
        return device_facts(pci, false);
}
