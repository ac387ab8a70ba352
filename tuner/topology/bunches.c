/* See bunches.h. */
#include <errno.h>
#include <stdlib.h>

#include "bunches.h"
#include "private.h"

static int by_place(const void *a, const void *b)
{
        const struct bunch *x = a, *y = b;

        if (x->package != y->package)
                return x->package < y->package ? -1 : 1;
        if (x->node != y->node)
                return x->node < y->node ? -1 : 1;
        if (x->l3 != y->l3)
                return x->l3 < y->l3 ? -1 : 1;
        return cpu_set_next(&x->cpus, -1) - cpu_set_next(&y->cpus, -1);
}

static struct bunch *find(struct bunches *bunches, const struct picture_core *core)
{
        for (size_t i = bunches->count; i-- > 0;) {
                struct bunch *bunch = &bunches->list[i];
                if (bunch->package == core->package && bunch->node == core->node && bunch->l3 == core->l3 &&
                    bunch->class == core->class && bunch->kind == core->kind)
                        return bunch;
        }
        return NULL;
}

int bunches_make(struct bunches *ret, const struct picture *p)
{
        *ret = (struct bunches){};
        for (size_t i = 0; i < p->core_count; i++) {
                const struct picture_core *core = &p->cores[i];
                struct bunch *bunch = find(ret, core);

                if (!bunch) {
                        bunch = array_grow(&ret->list, &ret->count, sizeof(*bunch));
                        if (!bunch)
                                return -ENOMEM;
                        *bunch = (struct bunch){core->package, core->node, core->class, core->kind, core->l3, {}, 0};
                }
                bunch->cores++;
                for (int c = 0; c < core->count; c++)
                        cpu_set_add(&bunch->cpus, (unsigned)core->cpus[c]);
        }
        if (ret->count > 1)
                qsort(ret->list, ret->count, sizeof(*ret->list), by_place);
        return 0;
}

void bunches_done(struct bunches *bunches)
{
        free(bunches->list);
}

const struct bunch *bunches_in(const struct bunches *bunches, int package, int node, size_t *ret_count)
{
        const struct bunch *first = NULL;

        *ret_count = 0;
        for (size_t i = 0; i < bunches->count; i++) {
                if (bunches->list[i].package != package || bunches->list[i].node != node)
                        continue;
                first = first ? first : &bunches->list[i];
                ++*ret_count;
        }
        return first;
}
