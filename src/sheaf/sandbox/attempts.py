"""Attempts to break out, each harmless where it succeeds. This file is itself the job's program: standard library only.

An attempt is a function of `given` (what the host planted for it to find) that returns evidence, a text, if it got through; it returns
nothing or raises if it was held. Calls of the kernel that would do harm are made with arguments that the kernel itself refuses, so
that being refused by the filter (EPERM, or ENOSYS) and being refused by the kernel (anything else) are told apart.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

Given = dict[str, Any]
Attempt = Callable[[Given], object]
ATTEMPTS: dict[str, Attempt] = {}
IS_X86 = platform.machine() == "x86_64"
HELD = {errno.EPERM, errno.ENOSYS}

# name: numbers on x86-64 and aarch64 (None: it is not there), arguments that do no harm
CALLS: dict[str, tuple[int | None, int | None, tuple[int, ...]]] = {
    "ptrace": (101, 117, (99, 0, 0, 0)),
    "process_vm_readv": (310, 270, (0, 0, 0, 0, 0, 1)),
    "process_vm_writev": (311, 271, (0, 0, 0, 0, 0, 1)),
    "pidfd_open": (434, 434, (0, 0)),
    "pidfd_getfd": (438, 438, (-1, 0, 0)),
    "pidfd_send_signal": (424, 424, (-1, 0, 0, 0)),
    "kcmp": (312, 272, (0, 0, 99, 0, 0)),
    "setns": (308, 268, (-1, 0)),
    "unshare_user": (272, 97, (1,)),
    "setgroups": (116, 159, (1 << 20, 0)),
    "capset": (126, 91, (0, 0)),
    "personality": (135, 92, (0xFFFFFFFF,)),
    "sched_setaffinity": (203, 122, (0, 0, 0)),
    "sched_setscheduler": (144, 119, (0, 99, 0)),
    "ioprio_set": (251, 30, (99, 0, 0)),
    "shmget": (29, 194, (0, 0, 0)),
    "msgget": (68, 186, (0x5EAF, 0)),
    "semget": (64, 190, (0, 0, 0)),
    "mq_open": (240, 180, (0, 0, 0, 0)),
    "bpf": (321, 280, (9999, 0, 0)),
    "perf_event_open": (298, 241, (0, 0, 0, 0, 0)),
    "userfaultfd": (323, 282, (0xFFFF,)),
    "io_uring_setup": (425, 425, (0, 0)),
    "add_key": (248, 217, (0, 0, 0, 0, 0)),
    "keyctl": (250, 219, (9999, 0, 0, 0, 0)),
    "memfd_create": (319, 279, (0, 0)),
    "memfd_secret": (447, 447, (0xFFFF,)),
    "init_module": (175, 105, (0, 0, 0)),
    "finit_module": (313, 273, (-1, 0, 0)),
    "delete_module": (176, 106, (0, 0)),
    "kexec_load": (246, 104, (0, 0, 0, 0xFFFFFFFF)),
    "reboot": (169, 142, (0, 0, 0, 0)),
    "swapon": (167, 224, (0, 0)),
    "kernel_log": (103, 116, (99, 0, 0)),
    "settimeofday": (164, 170, (1, 0)),
    "clock_settime": (227, 112, (999, 0)),
    "clock_adjtime": (305, 266, (999, 0)),
    "sethostname": (170, 161, (0, 4)),
    "quotactl": (179, 60, (0, 0, 0, 0)),
    "acct": (163, 89, (1,)),
    "name_to_handle_at": (303, 264, (-1, 1, 0, 0, 0)),
    "open_by_handle_at": (304, 265, (-1, 1, 0)),
    "fanotify_init": (300, 262, (0xFFFF, 0)),
    "inotify": (294, 26, (0xFFFF,)),
    "io_port_level": (172, None, (99,)),
    "io_port_permission": (173, None, (1 << 20, 1, 1)),
    "modify_ldt": (154, None, (99, 0, 0)),
    "mount": (165, 40, (0, 1, 0, 0, 0)),
    "umount": (166, 39, (1, 0)),
    "fsopen": (430, 430, (1, 0)),
    "open_tree": (428, 428, (-1, 1, 0)),
    "move_mount": (429, 429, (-1, 1, -1, 1, 0)),
    "mount_setattr": (442, 442, (-1, 1, 0, 0, 0)),
    "pivot_root": (155, 41, (1, 1)),
    "chroot": (161, 51, (1,)),
    "execveat": (322, 281, (-1, 1, 0, 0, 0)),
    "vmsplice": (278, 75, (-1, 0, 0, 0)),
    "own_filter": (317, 277, (99, 0, 0)),
    "timer_create": (222, 107, (999, 0, 0)),
    "hard_link": (265, 37, (-1, 1, -1, 1, 0)),
    "make_device": (259, 33, (-1, 1, 0x6000, 0x0800)),
    "make_setuid": (268, 53, (-1, 1, 0o4755)),
}


def attempt(function: Attempt) -> Attempt:
    """Add an attempt to the list, under the function's name."""
    ATTEMPTS[function.__name__] = function
    return function


def call(number: int, *arguments: int) -> str:
    """Make a system call and say how it got past the filter; nothing if the filter held it."""
    libc = ctypes.CDLL(None, use_errno=True)
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(one) for one in arguments))
    reason = ctypes.get_errno()
    if result == -1 and reason in HELD:
        return ""
    return f"call {number} returned {result}, {errno.errorcode.get(reason, reason)}"


def _caller(numbers: tuple[int | None, int | None], arguments: tuple[int, ...]) -> Attempt:
    number = numbers[0 if IS_X86 else 1]
    return lambda given: call(number, *arguments) if number is not None else ""


for _name, (_x86, _arm, _arguments) in CALLS.items():
    ATTEMPTS[f"call_{_name}"] = _caller((_x86, _arm), _arguments)


def _first(path: str) -> str:
    with open(path, "rb") as file:
        return repr(file.read(40))


def _makes(path: str) -> str:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600))
    os.unlink(path)
    return f"made {path}"


@attempt
def read_secret(given: Given) -> object:
    """Read a file of the host that all its users may read."""
    return _first(given["secret"])


@attempt
def read_secret_upwards(given: Given) -> object:
    """Leave the folder of the job by its parent."""
    return _first("/job/../../../../../.." + given["secret"])


@attempt
def read_secret_through_proc(given: Given) -> object:
    """Go through the first process's root."""
    return _first("/proc/1/root" + given["secret"])


@attempt
def read_secret_through_link(given: Given) -> object:
    """Follow a link of one's own."""
    os.symlink(given["secret"], given["link"])
    try:
        return _first(given["link"])
    finally:
        os.unlink(given["link"])


@attempt
def list_neighbours(given: Given) -> object:
    """List the folder in which the secret lies."""
    return str(os.listdir(os.path.dirname(given["secret"])))


@attempt
def read_accounts(given: Given) -> object:
    """Read the host's accounts."""
    return _first("/etc/passwd")


@attempt
def read_machine_name(given: Given) -> object:
    """Learn which machine this is."""
    return os.uname().nodename if os.uname().nodename == given["host"] else _first("/etc/machine-id")


@attempt
def read_processes(given: Given) -> object:
    """Look at processes by /proc."""
    return str(os.listdir("/proc"))[:60]


@attempt
def read_kernel_settings(given: Given) -> object:
    """Read the kernel's devices and settings."""
    return str(os.listdir("/sys"))[:60]


@attempt
def set_core_pattern(given: Given) -> object:
    """Open the setting that runs a program as the host's root when a process crashes."""
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return "open for writing"


@attempt
def write_job(given: Given) -> object:
    """Change the data."""
    return _makes("/job/escaped")


@attempt
def write_given_folder(given: Given) -> object:
    """Leave something in a folder of the host."""
    return _makes(os.path.join(given["folder"], "escaped"))


@attempt
def write_interpreter(given: Given) -> object:
    """Leave something in the interpreter, which other jobs run."""
    return _makes(os.path.dirname(os.__file__) + "/escaped.py")


@attempt
def write_packages(given: Given) -> object:
    """Leave something in the packages, which other jobs load."""
    return _makes("/packages/escaped.py")


@attempt
def write_root(given: Given) -> object:
    """Write into the root folder."""
    return _makes("/.escaped")


@attempt
def write_memory_files(given: Given) -> object:
    """Use shared memory files, whose size nobody caps."""
    return _makes("/dev/shm/escaped")  # noqa: S108


@attempt
def find_devices(given: Given) -> object:
    """Find devices beyond null and urandom."""
    return str(sorted(set(os.listdir("/dev")) - {"null", "urandom"}) or "")


@attempt
def find_tools(given: Given) -> object:
    """Find a shell or a tool to work with."""
    tools = ("sh", "bash", "dash", "busybox", "perl", "mount", "su", "nsenter", "curl")
    return " ".join(
        f"{place}/{one}"
        for place in ("/bin", "/usr/bin")
        for one in tools
        if os.path.exists(f"{place}/{one}")
    )


@attempt
def open_terminal(given: Given) -> object:
    """Open the terminal of whoever started the node."""
    os.close(os.open("/dev/tty", os.O_RDWR))
    return "open"


@attempt
def type_into_terminal(given: Given) -> object:
    """Push characters into the terminal's input (TIOCSTI); ENOTTY is what the filter answers."""
    import fcntl

    fcntl.ioctl(0, 0x5412, b"x")
    return "typed"


@attempt
def make_process(given: Given) -> object:
    """Fork."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"process {child}"


@attempt
def make_process_by_clone(given: Given) -> object:
    """Call clone as fork does, without the library."""
    return _cloned(signal.SIGCHLD)


@attempt
def make_process_sharing_memory(given: Given) -> object:
    """Call clone for a process that shares files and memory settings but is no thread."""
    return _cloned(0x00000400 | 0x00000200 | signal.SIGCHLD)


@attempt
def make_namespace_by_clone(given: Given) -> object:
    """Call clone for a process with user and mount namespaces of its own."""
    return _cloned(0x10000000 | 0x00020000 | signal.SIGCHLD)


def _cloned(flags: int) -> str:
    libc = ctypes.CDLL(None, use_errno=True)
    child = libc.syscall(
        ctypes.c_long(56 if IS_X86 else 220), *(ctypes.c_long(one) for one in (flags, 0, 0, 0, 0))
    )
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        return f"process {child}"
    return ""


@attempt
def make_process_by_clone3(given: Given) -> object:
    """Call clone3, whose flags a filter cannot see."""
    return call(435, 0, 0)


@attempt
def run_program(given: Given) -> object:
    """Start another program."""
    return (
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], timeout=10, check=True).returncode == 0
        and "ran"
    )


@attempt
def spawn_program(given: Given) -> object:
    """Start another program without fork of ours."""
    child = os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", ""], {})
    return f"process {os.waitpid(child, 0)[0]}"


@attempt
def reach_host_process(given: Given) -> object:
    """Send nothing to a process of the host: would it arrive?"""
    os.kill(given["process"], 0)
    return "it would"


@attempt
def find_host_process(given: Given) -> object:
    """See a process of the host by asking for its group."""
    return f"group {os.getpgid(given['process'])}"


@attempt
def reach_first_process(given: Given) -> object:
    """Send nothing to the first process."""
    os.kill(1, 0)
    return "it would arrive"


@attempt
def limit_host_process(given: Given) -> object:
    """Read the limits of a process of the host."""
    import resource

    return str(resource.prlimit(given["process"], resource.RLIMIT_CORE))


@attempt
def raise_limits(given: Given) -> object:
    """Ask for more memory than was given."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return "unlimited"


@attempt
def become_root(given: Given) -> object:
    """Take user 0."""
    os.setuid(0)
    return "user 0"


@attempt
def be_root(given: Given) -> object:
    """Be user or group 0 already."""
    return "root" if 0 in (*os.getresuid(), *os.getresgid()) else ""


@attempt
def be_in_groups(given: Given) -> object:
    """Have group 0 among the other groups."""
    return "group 0" if 0 in os.getgroups() else ""


@attempt
def gain_rights_by_running(given: Given) -> object:
    """Be allowed to gain rights from setuid programs (no_new_privs is off)."""
    return "" if _prctl(39) == 1 else "no_new_privs is off"


@attempt
def run_unfiltered(given: Given) -> object:
    """Run without a filter of system calls."""
    return "" if _prctl(21) == 2 else "no filter"


@attempt
def outlive_host(given: Given) -> object:
    """Forget to die with the host (PR_SET_PDEATHSIG)."""
    return "" if _prctl(1, 0) else "done"


@attempt
def let_others_trace(given: Given) -> object:
    """Name a process that may trace this one (PR_SET_PTRACER)."""
    return "" if _prctl(0x59616D61, 0) else "done"


@attempt
def move_memory_map(given: Given) -> object:
    """Rewrite one's own memory map (PR_SET_MM); EPERM of the kernel is a refusal too."""
    return "" if _prctl(35, 99) else "done"


def _prctl(option: int, value: int = 0) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0))


SOCKETS = {  # name: family, kind, protocol
    "socket_internet": (socket.AF_INET, socket.SOCK_STREAM, 0),
    "socket_datagram": (socket.AF_INET6, socket.SOCK_DGRAM, 0),
    "socket_local": (socket.AF_UNIX, socket.SOCK_STREAM, 0),
    "socket_kernel": (16, socket.SOCK_RAW, 0),
    "socket_raw": (socket.AF_INET, socket.SOCK_RAW, 1),
}


def _opener(family: int, kind: int, protocol: int) -> Attempt:
    def opens(given: Given) -> object:
        with socket.socket(family, kind, protocol):
            return f"socket of family {int(family)}"

    return opens


for _name, _kind in SOCKETS.items():
    ATTEMPTS[_name] = _opener(*_kind)


@attempt
def socket_pair(given: Given) -> object:
    """Make a pair of sockets."""
    one, other = socket.socketpair()
    one.close()
    other.close()
    return "pair"


@attempt
def connect_to_host(given: Given) -> object:
    """Connect to a port of the host."""
    with socket.create_connection(("127.0.0.1", given["port"]), timeout=2):
        return "connected"


@attempt
def connect_by_name(given: Given) -> object:
    """Resolve a name, which asks a server."""
    return str(socket.getaddrinfo("localhost", 80))[:60]


@attempt
def inherit_descriptors(given: Given) -> object:
    """Hold a descriptor that the host left open: anything but the pipes for parameters, output and log."""
    import stat

    found = []
    for number in range(256):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if not stat.S_ISFIFO(mode):
            found.append(f"{number}: {stat.S_IFMT(mode):o}")
    return " ".join(found)


@attempt
def inherit_environment(given: Given) -> object:
    """Find a variable of the host's environment."""
    known = {"HOME", "LANG", "LC_CTYPE", "PWD", "PYTHONHASHSEED"}
    return " ".join(name for name in os.environ if name not in known and not name.endswith(("_THREADS",)))


def compute(folder: str, parameters: dict[str, Any]) -> dict[str, str]:
    """Make the attempts that `parameters["names"]` lists and return the evidence of those that got through."""
    found = {}
    for name in parameters["names"]:
        try:
            evidence = ATTEMPTS[name](parameters["given"])
        except Exception:  # held in whatever way
            evidence = ""
        if evidence:
            found[name] = str(evidence)
    return found
