/* What a scheduler may choose a node by: traits (names of os-traits, or CUSTOM_…) and capabilities. Pure. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "desired.h"
#include "socle/cleanup.h"
#include "values.h"

/* CPU flags of /proc/cpuinfo and what os-traits calls them. */
static const struct {
        const char *flag, *trait;
} flags[] = {
        {"aes", "HW_CPU_X86_AESNI"},
        {"avx", "HW_CPU_X86_AVX"},
        {"avx2", "HW_CPU_X86_AVX2"},
        {"avx512f", "HW_CPU_X86_AVX512F"},
        {"avx512cd", "HW_CPU_X86_AVX512CD"},
        {"avx512bw", "HW_CPU_X86_AVX512BW"},
        {"avx512dq", "HW_CPU_X86_AVX512DQ"},
        {"avx512vl", "HW_CPU_X86_AVX512VL"},
        {"avx512_vnni", "HW_CPU_X86_AVX512VNNI"},
        {"bmi1", "HW_CPU_X86_BMI"},
        {"bmi2", "HW_CPU_X86_BMI2"},
        {"f16c", "HW_CPU_X86_F16C"},
        {"fma", "HW_CPU_X86_FMA3"},
        {"pclmulqdq", "HW_CPU_X86_CLMUL"},
        {"pdpe1gb", "HW_CPU_X86_PDPE1GB"},
        {"rtm", "HW_CPU_X86_TSX"},
        {"sgx", "HW_CPU_X86_SGX"},
        {"sha_ni", "HW_CPU_X86_SHA"},
        {"sse4_1", "HW_CPU_X86_SSE41"},
        {"sse4_2", "HW_CPU_X86_SSE42"},
        {"ssse3", "HW_CPU_X86_SSSE3"},
        {"svm", "HW_CPU_X86_SVM"},
        {"vmx", "HW_CPU_X86_VMX"},
        {"asimd", "HW_CPU_AARCH64_ASIMD"},
        {"atomics", "HW_CPU_AARCH64_ATOMICS"},
        {"sve", "HW_CPU_AARCH64_SVE"},
};

static bool has_flag(const json_t *inventory, const char *name)
{
        json_t *flag;
        size_t i;

        json_array_foreach (json_object_get(inventory, "cpu_flags"), i, flag)
                if (strcmp(json_string_value(flag), name) == 0)
                        return true;
        return false;
}

static bool has_pages(const json_t *inventory, int64_t bytes)
{
        json_t *size;
        size_t i;

        json_array_foreach (json_object_get(inventory, "hugepages"), i, size)
                if (json_integer_value(size) == bytes)
                        return true;
        return false;
}

static bool has_smt(const json_t *inventory)
{
        json_t *core;
        size_t i;

        json_array_foreach (json_object_get(json_object_get(inventory, "numa_topology"), "cpus"), i, core)
                if (json_array_size(json_object_get(core, "thread_siblings")) > 1)
                        return true;
        return false;
}

/* A set: its members are the names. */
static void add(json_t *set, const char *name)
{
        json_object_set_new(set, name, json_true());
}

static int compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of an object, in order: the caller's array, not its texts. */
static const char **names_of(const json_t *object)
{
        const char **names = calloc(json_object_size(object) + 1, sizeof(*names)), *name;
        json_t *value;
        size_t n = 0;

        json_object_foreach ((json_t *)object, name, value)
                if (names)
                        names[n++] = name;
        if (names)
                qsort(names, n, sizeof(*names), compare);
        return names;
}

json_t *traits_of(const json_t *spec, const json_t *inventory)
{
        json_t *set = json_object(), *list = json_array(), *entry;
        size_t nodes = json_array_size(json_object_get(json_object_get(inventory, "numa_topology"), "ram"));
        char numa[48];
        size_t i;

        for (i = 0; i < ARRAY_LEN(flags); i++)
                if (has_flag(inventory, flags[i].flag))
                        add(set, flags[i].trait);
        if (has_smt(inventory))
                add(set, "HW_CPU_HYPERTHREADING");
        if (json_is_true(json_object_get(inventory, "sriov")))
                add(set, "HW_NIC_SRIOV");
        if (has_pages(inventory, 2 << 20))
                add(set, "CUSTOM_HUGEPAGES_2MIB");
        if (has_pages(inventory, 1 << 30))
                add(set, "CUSTOM_HUGEPAGES_1GIB");
        snprintf(numa, sizeof(numa), "CUSTOM_NUMA_NODES_%zu", nodes);
        if (nodes > 1)
                add(set, numa);
        json_array_foreach (json_object_get(spec, "traits"), i, entry)
                add(set, json_string_value(entry));

        cleanup_free const char **names = names_of(set);
        for (i = 0; names && names[i]; i++)
                json_array_append_new(list, json_string(names[i]));
        json_decref(set);
        return list;
}

/* ---- capabilities ---- */

json_t *capabilities_parse(const char *text)
{
        cleanup_free char *copy = strdup(text ?: "");
        char *rest = copy, *word;
        json_t *capabilities = json_object();

        while (copy && (word = strsep(&rest, ","))) {
                char *colon = strchr(word, ':');
                if (!colon)
                        continue;
                *colon = 0;
                json_object_set_new(capabilities, word, json_string(colon + 1));
        }
        return capabilities;
}

char *capabilities_format(const json_t *capabilities)
{
        cleanup_free const char **names = names_of(capabilities);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        for (size_t i = 0; out && names && names[i]; i++)
                fprintf(out, "%s%s:%s", i ? "," : "", names[i],
                        json_string_value(json_object_get(capabilities, names[i])) ?: "");
        if (out)
                fclose(out);
        return text;
}

/* The names are those of Ironic's own inspection. */
json_t *capabilities_of(const json_t *spec, const json_t *inventory)
{
        static const char *const of_flags[][2] = {{"vmx", "cpu_vt"},         {"svm", "cpu_vt"}, {"aes", "cpu_aes"},
                                                  {"pse", "cpu_hugepages"},  {"smx", "cpu_txt"},
                                                  {"pdpe1gb", "cpu_hugepages_1g"}};
        const char *boot = spec_string(json_object_get(json_object_get(inventory, "inventory"), "boot"),
                                       "current_boot_mode")
                                   ?: spec_string(json_object_get(spec, "hardware"), "boot_mode");
        json_t *capabilities = json_object(), *entry;
        size_t i;

        for (i = 0; i < ARRAY_LEN(of_flags); i++)
                if (has_flag(inventory, of_flags[i][0]))
                        json_object_set_new(capabilities, of_flags[i][1], json_string("true"));
        if (boot)
                json_object_set_new(capabilities, "boot_mode", json_string(boot));
        json_array_foreach (json_object_get(spec, "capabilities"), i, entry) {
                json_t *one = capabilities_parse(json_string_value(entry));
                json_object_update(capabilities, one);
                json_decref(one);
        }
        return capabilities;
}
