"""A seccomp filter, as the kernel reads it.

In:  the name of a machine type, e.g. "x86_64".
Out: the instructions of a filter in classic BPF, for `bwrap --seccomp`.

The namespaces do the isolating. The filter removes parts of the kernel that programs do not need
and that had many faults (keys, BPF, io_uring, new namespaces), and two things that no namespace
holds: AF_VSOCK, which reaches the machine that runs a virtual machine, and TIOCSTI, which types
into a terminal. See https://docs.kernel.org/userspace-api/seccomp_filter.html.
"""

import errno
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agentkit import ConfigError

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _MACHINE, _FIRST_ARGUMENT, _SECOND_ARGUMENT = 0, 4, 16, 24

_X32_BIT = 0x40000000  # a second table of system calls, which a filter by number would miss
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
_SOCKET_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_SINCE_LINUX_5 = (425, 426, 427, 428, 429, 430, 431, 432, 433, 438, 442, 443, 447)
"""io_uring_*, open_tree to fspick, pidfd_getfd, mount_setattr, quotactl_fd, memfd_secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """The numbers of a machine type.

    Attributes:
        audit: the AUDIT_ARCH value that the kernel passes to a filter.
        denied: the system calls that fail with EPERM.
    """

    audit: int
    clone: int
    ioctl: int
    socket: int
    denied: tuple[int, ...]


# In the order of the comment: acct, add_key, adjtimex, bpf, chroot, clock_adjtime, clock_settime,
# delete_module, finit_module, init_module, kcmp, kexec_file_load, kexec_load, keyctl,
# lookup_dcookie, memfd_create, migrate_pages, mount, move_pages, name_to_handle_at,
# open_by_handle_at, perf_event_open, pivot_root, process_vm_readv, process_vm_writev, ptrace,
# quotactl, reboot, request_key, setdomainname, sethostname, setns, settimeofday, shmget, swapoff,
# swapon, syslog, umount2, unshare, userfaultfd. memfd_create and shmget make memory that belongs
# to no process, so that no limit would count it.
_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(
        audit=0xC000003E, clone=56, ioctl=16, socket=41,
        denied=(
            163, 248, 159, 321, 161, 305, 227, 176, 313, 175, 312, 320, 246, 250, 212, 319, 256,
            165, 279, 303, 304, 298, 155, 310, 311, 101, 179, 169, 249, 171, 170, 308, 164, 29,
            168, 167, 103, 166, 272, 323, 134, 136, 139, 153, 154, 156, 172, 173, 174, 177, 178,
            *_SINCE_LINUX_5,
        ),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7, clone=220, ioctl=29, socket=198,
        denied=(
            89, 217, 171, 280, 51, 266, 112, 106, 273, 105, 272, 294, 104, 219, 18, 279, 238,
            40, 239, 264, 265, 241, 41, 270, 271, 117, 60, 142, 218, 162, 161, 268, 170, 194,
            225, 224, 116, 39, 97, 282, 58,
            *_SINCE_LINUX_5,
        ),
    ),
}  # fmt: skip
_CLONE3 = 435


def build_filter(machine: str) -> bytes:
    """Return the instructions of the filter.

    Args:
        machine: as `platform.machine()` names it.

    Raises:
        ConfigError: the numbers of this machine type are not known here.
    """
    numbers = _MACHINES.get(machine)
    if numbers is None:
        known = ", ".join(_MACHINES)
        raise ConfigError(f"Commands cannot be isolated on {machine!r}; known are {known}.")
    return b"".join(struct.pack("=HBBI", *each) for each in _instructions(numbers))


def _instructions(machine: _Machine) -> Iterator[tuple[int, int, int, int]]:
    """Yield code, jump if true, jump if false, and value of each instruction."""
    yield _LOAD, 0, 0, _MACHINE
    yield _EQUAL, 1, 0, machine.audit
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, _X32_BIT
    yield _RETURN, 0, 0, _ERRNO | errno.ENOSYS
    for number in machine.denied:
        yield _EQUAL, 0, 1, number
        yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    # Its flags are in memory, which a filter cannot read; the C library falls back to clone.
    yield _EQUAL, 0, 1, _CLONE3
    yield _RETURN, 0, 0, _ERRNO | errno.ENOSYS
    yield _EQUAL, 0, 4, machine.clone
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    yield _ANY_BIT, 0, 1, _NEW_NAMESPACES
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
    yield _EQUAL, 0, 5, machine.ioctl
    yield _LOAD, 0, 0, _SECOND_ARGUMENT
    yield _EQUAL, 1, 0, _TERMINAL_INPUT[0]
    yield _EQUAL, 0, 1, _TERMINAL_INPUT[1]
    yield _RETURN, 0, 0, _ERRNO | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
    count = len(_SOCKET_FAMILIES)
    yield _EQUAL, 0, count + 2, machine.socket
    yield _LOAD, 0, 0, _FIRST_ARGUMENT
    for place, family in enumerate(_SOCKET_FAMILIES):
        yield _EQUAL, count - place, 0, family
    yield _RETURN, 0, 0, _ERRNO | errno.EAFNOSUPPORT
    yield _RETURN, 0, 0, _ALLOW
