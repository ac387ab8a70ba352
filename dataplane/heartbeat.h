/* The watchdog of systemd (WatchdogSec=), fed only while every worker makes its rounds: a worker that hangs in a graph node, or in
 * a device, is as bad as a process that does. */
#pragma once

#include <systemd/sd-event.h>

/* 0 also when systemd asks for no watchdog. */
int heartbeat_start(sd_event *event);
