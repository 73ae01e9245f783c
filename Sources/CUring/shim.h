// liburing's own header, for C code. Swift code reaches the ring through CLinux: swift-system's CSystem module
// brings the kernel's definitions of the same types, and a Swift module cannot see both.
#ifndef DELLAD_CURING_SHIM_H
#define DELLAD_CURING_SHIM_H

#include <liburing.h>

#endif
