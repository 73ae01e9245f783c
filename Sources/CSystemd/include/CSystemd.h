// Tells the service manager how the daemon is doing: sd_notify(3).
//
// libsystemd is looked for when the program runs and not when it is linked, so that the same binary works on
// hosts that have none.
#ifndef DELLAD_CSYSTEMD_H
#define DELLAD_CSYSTEMD_H

#include <stdint.h>

/// Sends lines of NAME=VALUE. 1 when they were sent, 0 where nobody asked for them (no NOTIFY_SOCKET),
/// a negative errno otherwise.
int32_t dellad_notify(const char *state);

/// Nanoseconds between two WATCHDOG=1 after which the service manager acts; 0 where none watches.
uint64_t dellad_watchdog_interval(void);

/// The environment of this process: NAME=VALUE each, ended by NULL.
char *const *dellad_environment(void);

/// Whether libsystemd was found.
int32_t dellad_has_libsystemd(void);

#endif
