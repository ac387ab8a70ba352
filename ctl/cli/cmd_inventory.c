/* inventory: the node's hardware as Ironic is told of it, and where its NICs are plugged in. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "format.h"
#include "output.h"
#include "say.h"
#include "session.h"
#include "table.h"

static void line(const char *name, const char *text)
{
        if (*text)
                printf("%s%-8s%s %s\n", paint(BOLD), name, paint(PLAIN), text);
}

/* ---- the machine ---- */

/* Texts that are there, with a space between. */
static void join(char *ret, size_t size, const char *const *texts)
{
        size_t used = 0;

        for (ret[0] = 0; *texts; texts++)
                if (**texts && used < size)
                        used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? " " : "", *texts);
}
#define JOIN(ret, ...) join(ret, sizeof(ret), (const char *const[]){__VA_ARGS__, NULL})

static void print_machine(const json_t *document)
{
        const json_t *inner = json_object_get(document, "inventory"), *cpu = json_object_get(inner, "cpu");
        const json_t *vendor = json_object_get(inner, "system_vendor"), *firmware = json_object_get(vendor, "firmware");
        const char *serial = member_text(vendor, "serial_number"), *redfish = member_text(inner, "bmc_redfish");
        char text[512], bytes[32];

        line("host", member_text(inner, "hostname"));
        JOIN(text, member_text(vendor, "manufacturer"), member_text(vendor, "product_name"), *serial ? "serial" : "",
             serial);
        line("machine", text);
        line("UUID", member_text(document, "uuid"));
        JOIN(text, member_text(json_object_get(inner, "boot"), "current_boot_mode"), member_text(firmware, "vendor"),
             member_text(firmware, "version"), member_text(firmware, "build_date"));
        line("firmware", text);
        JOIN(text, member_text(inner, "bmc_address"), member_text(inner, "bmc_mac"), redfish);
        line("BMC", text);
        snprintf(text, sizeof(text), "%.0f CPUs (%s) in %.0f sockets: %s", member_number(cpu, "count"),
                 member_text(cpu, "architecture"), member_number(cpu, "socket_count"), member_text(cpu, "model_name"));
        line("CPU", text);
        line("memory", format_bytes(bytes, sizeof(bytes), member_number(json_object_get(inner, "memory"), "total")));
}

/* ---- tables ---- */

static struct table *begin(const char *const *headings)
{
        struct table *table = table_new();

        for (; table && *headings; headings++)
                table_column(table, *headings, 0);
        return table;
}
#define BEGIN(...) begin((const char *const[]){__VA_ARGS__, NULL})

static void print_interfaces(const json_t *interfaces, const json_t *links)
{
        cleanup_(table_free_p) struct table *table =
                BEGIN("INTERFACE", "MAC ADDRESS", "SPEED", "DRIVER", "PCI", "ADDRESS", "SWITCH", "PORT");
        json_t *interface;
        size_t i;

        json_array_foreach (interfaces, i, interface) {
                const json_t *link = json_object_get(links, member_text(interface, "name"));
                const char *ip = member_text(interface, "ipv4_address"), *name = member_text(link, "switch_info");
                bool carrier = json_is_true(json_object_get(interface, "has_carrier"));
                char speed[32];

                if (!table)
                        return;
                snprintf(speed, sizeof(speed), "%g Gbit/s", member_number(interface, "speed_mbps") / 1000);
                table_row(table);
                table_cell(table, BOLD, "%s", member_text(interface, "name"));
                table_cell(table, PLAIN, "%s", member_text(interface, "mac_address"));
                table_cell(table, carrier ? PLAIN : YELLOW, "%s", carrier ? speed : "no carrier");
                table_cell(table, PLAIN, "%s", member_text(interface, "driver"));
                table_cell(table, PLAIN, "%s", member_text(interface, "pci_address"));
                table_cell(table, PLAIN, "%s", *ip ? ip : member_text(interface, "ipv6_address"));
                table_cell(table, PLAIN, "%s", *name ? name : member_text(link, "switch_id"));
                table_cell(table, PLAIN, "%s", member_text(link, "port_id"));
        }
        if (table && json_array_size(interfaces) > 0) {
                putchar('\n');
                table_print(table, 0);
        }
}

static void print_disks(const json_t *disks)
{
        cleanup_(table_free_p) struct table *table = BEGIN("DISK", "SIZE", "KIND", "MODEL", "SERIAL");
        json_t *disk;
        size_t i;

        json_array_foreach (disks, i, disk) {
                bool rotates = json_is_true(json_object_get(disk, "rotational"));
                char bytes[32];

                if (!table)
                        return;
                table_row(table);
                table_cell(table, BOLD, "%s", member_text(disk, "name"));
                table_cell(table, PLAIN, "%s", format_bytes(bytes, sizeof(bytes), member_number(disk, "size")));
                table_cell(table, PLAIN, "%s", rotates ? "rotates" : "solid state");
                table_cell(table, PLAIN, "%s", member_text(disk, "model"));
                table_cell(table, PLAIN, "%s", member_text(disk, "serial"));
        }
        if (table && json_array_size(disks) > 0) {
                putchar('\n');
                table_print(table, 0);
        }
}

static void print_for_people(const json_t *document)
{
        const json_t *inner = json_object_get(document, "inventory");
        json_t *note;
        size_t i;

        print_machine(document);
        print_interfaces(json_object_get(inner, "interfaces"), json_object_get(document, "links"));
        print_disks(json_object_get(inner, "disks"));
        json_array_foreach (json_object_get(document, "notes"), i, note)
                printf("%snote: %s%s\n", paint(YELLOW), json_string_value(note), paint(PLAIN));
}

static int run(struct session *session, const struct arguments *arguments)
{
        json_t *document = NULL;
        int status = session_call(session, "inventory", NULL, &document);

        if (!status && !output_print(arguments, document))
                print_for_people(document);
        json_decref(document);
        return status;
}

static const struct option_spec options[] = {
        {"output", 'o', "FORMAT", false, "table (default), json or yaml", output_choices_table},
        {NULL},
};

static struct command inventory_command = {
        .name = "inventory",
        .summary = "the node's hardware, as Ironic is told of it",
        .synopsis = "[-o table|json|yaml]",
        .description = "Shows the machine, its BMC, its NICs with the switch ports that LLDP tells of, and its disks.\n"
                       "-o json has all of it, in the Ironic Python Agent's format.",
        .options = options,
        .run = run,
};
REGISTER_COMMAND(inventory_command)
