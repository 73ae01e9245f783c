// What the daemon needs of the kernel and Swift's Glibc module does not show, and the handler of crashes,
// which may only call async-signal-safe functions.
#ifndef DELLAD_CDAEMON_H
#define DELLAD_CDAEMON_H

#include <stdint.h>

/// Blocks SIGTERM, SIGINT and SIGHUP in this thread, and those it starts, and ignores SIGPIPE.
/// Returns a descriptor to read them from (non-blocking, close-on-exec), or -1.
int32_t dellad_open_signals(void);

/// The next signal that arrived, 0 where there is none.
int32_t dellad_next_signal(int32_t descriptor);

/// An eventfd (non-blocking, close-on-exec), or -1.
int32_t dellad_open_event(void);

/// Makes the eventfd readable. From any thread.
void dellad_post_event(int32_t descriptor);

/// Makes the eventfd unreadable until the next post.
void dellad_clear_event(int32_t descriptor);

/// Cores that this process may run on; 0 where the kernel does not say.
int32_t dellad_affinity_count(void);

/// From now on SEGV, BUS, ILL, TRAP, FPE and ABRT are noted before they end the process.
void dellad_watch_crashes(void);

/// Gives the calling thread a stack for the handler of crashes, so that an overflow of its own is noted. It goes with
/// the thread.
void dellad_prepare_thread(void);

/// Where crashes are noted: an open file, or -1. One line each: signal number, space, the context.
void dellad_note_crashes(int32_t descriptor);

/// The context of a crash from now on: a number, or UINT64_MAX for unknown, which is written as "-".
void dellad_set_crash_context(uint64_t context);

/// Starts a program of that name, looked up in PATH where it has no slash, with these NULL-terminated words and
/// variables. Nothing is blocked or ignored there, its standard input is empty, and it has a process group of its own; it
/// is killed where the thread that starts it ends. What it writes is read from `output` and `errors`, which do not block and
/// are the caller's to close. Returns its process, or minus an error number, and then there is nothing to close.
int32_t dellad_spawn(char *const *words, char *const *variables, int32_t *output, int32_t *errors);

/// Whether a program that was started has ended: its exit code, 256 and the signal that ended it, or -1 where it runs
/// on. What is left of its process group is killed before the process is forgotten.
int32_t dellad_reap(int32_t process);

/// To be called first. Standard input, output and error that are closed are opened, for reading only: else the next files
/// would get their numbers, and what is printed would go into them. A write past the limit of a file's size is an error
/// (EFBIG), and does not end the process. It may open as many files as its hard limit allows.
void dellad_prepare_process(void);

#endif
