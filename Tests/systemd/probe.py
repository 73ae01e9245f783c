#!/usr/bin/python3
"""Run in dellad's sandbox instead of dellad: tries what the daemon must not be able to do, and what it must."""
import ctypes
import errno
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
wrong = False


def denied(what, action):
    global wrong
    try:
        action()
    except OSError as error:
        print("denied ", what, errno.errorcode.get(error.errno, error.errno))
    else:
        wrong = True
        print("WRONG   was allowed:", what)


def allowed(what, action):
    global wrong
    try:
        action()
    except OSError as error:
        wrong = True
        print("WRONG   was denied:", what, error)
    else:
        print("allowed", what)


def create(path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    os.unlink(path)


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def ring():
    # io_uring_setup with 120 bytes of parameters.
    os.close(call(425, 8, ctypes.create_string_buffer(120)))


def mmap_wx():
    libc.mmap.restype = ctypes.c_long
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    if libc.mmap(None, 4096, 7, 0x22, -1, 0) == -1:
        raise OSError(ctypes.get_errno(), "")


for folder in ("/usr", "/etc", "/etc/dellad", "/root", "/home/alice", "/srv", "/var", "/var/cache", "/boot", "/opt",
               "/var/lib/dellad/models"):
    denied(f"write {folder}", lambda: create(f"{folder}/probe"))
for family in ("AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"):
    denied(f"socket {family}", lambda: socket.socket(getattr(socket, family), socket.SOCK_DGRAM))
denied("list /home/alice", lambda: os.listdir("/home/alice"))
denied("mknod", lambda: os.mknod("/var/lib/dellad/null", 0o600 | 0o020000, os.makedev(1, 3)))
denied("chmod u+s", lambda: os.chmod("/var/lib/dellad/output", 0o4755))
denied("setuid 0", lambda: os.setuid(0))
denied("mount", lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, None))
denied("unshare a user namespace", lambda: call(272, 0x10000000))
denied("chroot", lambda: os.chroot("/var/lib/dellad"))
denied("a higher priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -5))
denied("write a kernel setting", lambda: os.open("/proc/sys/kernel/hostname", os.O_WRONLY))
denied("memory that is writable and runs", lambda: mmap_wx())
denied("signal process 1", lambda: os.kill(1, 0))


if os.uname().machine == "x86_64":
    allowed("io_uring", ring)
allowed("write its state folder", lambda: create("/var/lib/dellad/probe"))
allowed("socket AF_UNIX", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close())
allowed("read /proc/meminfo", lambda: os.close(os.open("/proc/meminfo", os.O_RDONLY)))
allowed("read the io_uring setting", lambda: os.close(os.open("/proc/sys/kernel/io_uring_disabled", os.O_RDONLY)))
sys.exit(1 if wrong else 0)
