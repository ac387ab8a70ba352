/* Debian's GRUB: our arguments are in a drop-in that /etc/default/grub's readers take as well, and get into grub.cfg by
 * update-grub, ours or that of the next kernel's installation. For normal boots only: recovery boots do without. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_loader.h"
#include "program.h"

#define DROP_IN   "/etc/default/grub.d/50-socle.cfg"
#define GRUB_CFG  "/boot/grub/grub.cfg"
#define VARIABLE  "GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT "
#define TIMEOUT_S 120

static bool is_here(const struct host *host)
{
        return host_exists(host, "/etc/default/grub") &&
               (host_exists(host, "/usr/sbin/update-grub") || !host_is_real(host));
}

static int read_ours(const struct host *host, char ***ret)
{
        cleanup_free char *text = NULL, *value = NULL;
        int r = host_read(host, &text, DROP_IN);

        if (r < 0 && r != -ENOENT)
                return r;
        const char *line = text ? strstr(text, VARIABLE) : NULL;
        value = line ? strndup(line + strlen(VARIABLE), strcspn(line + strlen(VARIABLE), "\"\n")) : strdup("");
        return value ? arguments_parse(value, ret) : -ENOMEM;
}

/* Of the first entry, which is the one that boots by itself. */
static int next_boot(const struct host *host, char ***ret)
{
        cleanup_free char *text = NULL, *line = NULL;
        int r = host_read(host, &text, GRUB_CFG);

        if (r < 0)
                return r;
        const char *entry = strstr(text, "\tlinux\t");
        if (!entry)
                return -ENOENT;
        entry += strlen("\tlinux\t");
        line = strndup(entry, strcspn(entry, "\n"));
        return line ? arguments_parse(line, ret) : -ENOMEM;
}

static int write_ours(const struct host *host, char *const *wanted, struct knob_detail *detail)
{
        cleanup_free char *arguments = arguments_join(wanted), *text = NULL;

        if (!arguments ||
            asprintf(&text, "# Written by socled for its HostProfile; replaced as a whole.\n" VARIABLE "%s\"",
                     arguments) < 0)
                return text = NULL, -ENOMEM;
        int r = host_replace(host, wanted[0] ? text : NULL, DROP_IN);
        return r < 0 ? r : program_run(host, TIMEOUT_S, detail, PROGRAM("/usr/sbin/update-grub"));
}

const struct boot_loader boot_loader_debian = {
        .where = GRUB_CFG,
        .is_here = is_here,
        .read = read_ours,
        .write = write_ours,
        .next_boot = next_boot,
};
