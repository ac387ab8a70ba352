/* See member.h. */
#include "member.h"
#include "values.h"

void member_compile(const char *prefix, uint32_t set, uint32_t owner, struct emit *emit)
{
        struct wire_member member;
        uint16_t bits;

        wire_init(&member, WIRE_MEMBER);
        member.set = set;
        member.owner = owner;
        spec_prefix(prefix, member.ip, &bits);
        member.prefix = bits;
        if (bits > 0) {
                emit->record(emit, &member);
                return;
        }
        /* The wire has no member of no bits: all of IPv6 is its two halves. */
        member.prefix = 1;
        emit->record(emit, &member);
        member.ip[0] = 0x80;
        emit->record(emit, &member);
}
