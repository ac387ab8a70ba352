/* CPUs, memory and NUMA nodes as hwloc sees them (tuner/topology), disks as sysfs does, in the agent's words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "inventory.h"
#include "topology/sysfs.h"
#include "topology/topology.h"

#define BLOCK        "sys/class/block"
#define SECTOR_BYTES 512

/* ---- CPUs ---- */

/* The value of a line of the first CPU in /proc/cpuinfo. The caller's; NULL: there is none. */
static char *cpuinfo_line(int root, const char *name)
{
        cleanup_free char *text = sysfs_read(root, "proc/cpuinfo");
        size_t length = strlen(name);

        for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *colon = line + length + strspn(line + length, " \t");
                if (strncmp(line, name, length) == 0 && *colon == ':')
                        return strndup(colon + 1 + strspn(colon + 1, " "),
                                       strcspn(colon + 1 + strspn(colon + 1, " "), "\n"));
        }
        return NULL;
}

json_t *inventory_cpu_flags(int root)
{
        cleanup_free char *line = cpuinfo_line(root, "flags");
        char *arm = line ? NULL : cpuinfo_line(root, "Features");
        char *rest = line ?: arm, *word;
        json_t *flags = json_array();

        while (rest && (word = strsep(&rest, " ")))
                if (word[0])
                        json_array_append_new(flags, json_string(word));
        free(arm);
        return flags;
}

json_t *inventory_cpu(int root, const struct topology *topology)
{
        cleanup_free char *model = cpuinfo_line(root, "model name"), *mhz = cpuinfo_line(root, "cpu MHz");
        long long khz = 0;
        struct utsname system;
        char frequency[32] = "";
        json_t *cpu = json_pack("{sI, sI, so}", "count", (json_int_t)cpu_set_count(&topology->online), "socket_count",
                                (json_int_t)topology->package_count, "flags", inventory_cpu_flags(root));

        uname(&system);
        if (sysfs_number(root, 1, INT64_MAX, &khz, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"))
                snprintf(frequency, sizeof(frequency), "%lld.%04lld", khz / 1000, khz % 1000 * 10);
        json_object_set_new(cpu, "model_name", model ? json_string(model) : json_null());
        json_object_set_new(cpu, "frequency", json_string(frequency[0] ? frequency : mhz ?: ""));
        json_object_set_new(cpu, "architecture", json_string(system.machine));
        return cpu;
}

/* ---- memory and NUMA nodes ---- */

json_t *inventory_memory(const struct topology *topology)
{
        return json_pack("{sI, sI}", "total", (json_int_t)topology->memory_bytes, "physical_mb",
                         (json_int_t)(topology->memory_bytes >> 20));
}

static json_t *core_json(const struct topology *topology, size_t i)
{
        const struct topology_core *core = &topology->cores[i];
        json_t *siblings = json_array();

        for (int j = 0; j < core->count; j++)
                json_array_append_new(siblings, json_integer(topology->core_cpus[core->first + j]));
        return json_pack("{sI, si, so}", "cpu", (json_int_t)i, "numa_node",
                         core->node >= 0 ? topology->nodes[core->node].os_index : 0, "thread_siblings", siblings);
}

json_t *inventory_numa(int root, const struct topology *topology)
{
        json_t *ram = json_array(), *cpus = json_array(), *nics = json_array();

        for (size_t i = 0; i < topology->node_count; i++)
                json_array_append_new(ram, json_pack("{si, sI}", "numa_node", topology->nodes[i].os_index, "size_kb",
                                                     (json_int_t)(topology->nodes[i].memory_bytes >> 10)));
        for (size_t i = 0; i < topology->core_count; i++)
                json_array_append_new(cpus, core_json(topology, i));
        for (size_t i = 0; i < topology->pci_count; i++) {
                const struct topology_pci *pci = &topology->pci[i];
                if (pci->interface[0] && pci->physical_function < 0)
                        json_array_append_new(nics,
                                              json_pack("{ss, si}", "name", pci->interface, "numa_node",
                                                        pci->node >= 0 ? topology->nodes[pci->node].os_index : -1));
        }
        return json_pack("{so, so, so}", "ram", ram, "cpus", cpus, "nics", nics);
}

/* ---- disks ---- */

static bool is_disk(int root, const char *name)
{
        long long removable = 0, read_only = 0;

        sysfs_number(root, 0, 1, &removable, BLOCK "/%s/removable", name);
        sysfs_number(root, 0, 1, &read_only, BLOCK "/%s/ro", name);
        return !removable && !read_only && !sysfs_exists(root, BLOCK "/%s/partition", name) &&
               sysfs_exists(root, BLOCK "/%s/device", name) && strncmp(name, "sr", 2) != 0 &&
               strncmp(name, "fd", 2) != 0;
}

static void set_file(json_t *disk, const char *member, char *text)
{
        json_object_set_new(disk, member, text && text[0] ? json_string(text) : json_null());
        free(text);
}

static json_t *read_disk(int root, const char *name)
{
        long long sectors = 0, rotational = 0, logical = SECTOR_BYTES, physical = SECTOR_BYTES;
        cleanup_free char *device = sysfs_link(root, BLOCK "/%s/device", name);
        const char *hctl = device && strrchr(device, '/') ? strrchr(device, '/') + 1 : "";
        char path[64];

        sysfs_number(root, 0, INT64_MAX / SECTOR_BYTES, &sectors, BLOCK "/%s/size", name);
        sysfs_number(root, 0, 1, &rotational, BLOCK "/%s/queue/rotational", name);
        sysfs_number(root, 1, 1 << 20, &logical, BLOCK "/%s/queue/logical_block_size", name);
        sysfs_number(root, 1, 1 << 20, &physical, BLOCK "/%s/queue/physical_block_size", name);
        if (sectors == 0)
                return NULL;
        snprintf(path, sizeof(path), "/dev/%s", name);
        json_t *disk = json_pack("{ss, sI, sb, sI, sI, sn, ss}", "name", path, "size",
                                 (json_int_t)sectors * SECTOR_BYTES, "rotational", (int)rotational, "logical_sectors",
                                 (json_int_t)logical, "physical_sectors", (json_int_t)physical, "by_path", "tran",
                                 strncmp(name, "nvme", 4) == 0 ? "nvme" : "");
        set_file(disk, "model", sysfs_read(root, BLOCK "/%s/device/model", name));
        set_file(disk, "vendor", sysfs_read(root, BLOCK "/%s/device/vendor", name));
        set_file(disk, "serial", sysfs_read(root, BLOCK "/%s/device/serial", name));
        char *wwn = sysfs_read(root, BLOCK "/%s/wwid", name);
        set_file(disk, "wwn", wwn ?: sysfs_read(root, BLOCK "/%s/device/wwid", name));
        set_file(disk, "hctl", strchr(hctl, ':') ? strdup(hctl) : NULL);
        return disk;
}

json_t *inventory_disks(int root)
{
        cleanup_(sysfs_list_free_p) char **names = sysfs_list(root, BLOCK);
        json_t *disks = json_array();

        for (char **name = names; name && *name; name++) {
                json_t *disk = is_disk(root, *name) ? read_disk(root, *name) : NULL;
                if (disk)
                        json_array_append_new(disks, disk);
        }
        return disks;
}
