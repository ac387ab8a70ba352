/* Security groups and port security, from wire records to the snapshot that workers read (state/policy.h). The put and
 * remove functions only note what is wanted (objects.h calls them like those of all objects); policy_settle() makes
 * what changed anew, shares the rest with the snapshot in force, and swaps it in. Control thread only. */
#pragma once

#include "io.h"

int policy_init(void); /* 0 or -ENOMEM; dp.policy is there then */

int security_group_put(const struct wire_security_group *record, struct dp_io_error *error);
int rule_put(const struct wire_rule *record, struct dp_io_error *error);
int address_group_put(const struct wire_address_group *record, struct dp_io_error *error);
int member_put(const struct wire_member *record, struct dp_io_error *error);
int port_group_put(const struct wire_port_group *record, struct dp_io_error *error);
int allowed_put(const struct wire_allowed *record, struct dp_io_error *error);
int session_settings_put(const struct wire_session_settings *record, struct dp_io_error *error);

void security_group_remove(const struct wire_security_group *record);
void rule_remove(const struct wire_rule *record);
void address_group_remove(const struct wire_address_group *record);
void member_remove(const struct wire_member *record);
void port_group_remove(const struct wire_port_group *record);
void allowed_remove(const struct wire_allowed *record);
void session_settings_remove(const struct wire_session_settings *record);

/* A port came or changed; its index is in dp.ports. `fresh`: its device was never open, so that it can be secured at
 * once; others are when their policy is in force. 0 or -ENOMEM. */
int policy_port_put(const struct wire_port *record, uint16_t index, bool fresh);
void policy_port_remove(uint32_t id);

/* Declared MACs moved: sessions remember where they are, and have to be judged again. */
void policy_touch(void);

/* The same, since an index of a port, tunnel or network is about to be free: before it can be used again. */
void policy_touch_index(void);

/* Between the removals and the puts of a generation nobody is to see what is half done: until policy_hold(false),
 * policy_settle() publishes only that ports and indices are gone. */
void policy_hold(bool hold);

/* Puts what is wanted into force. To be called before the grace period that frees indices. 0, or -ENOMEM: all is as it
 * was, nothing may be freed, and the next call tries again. */
int policy_settle(void);
