"""The second, harder tier: gVisor's `runsc`, a kernel of its own in user space between the job and the host's kernel.

What the job calls is answered by that kernel; the host's sees only what gVisor itself needs, behind gVisor's own filter. Inside there is
the same as in the first tier, by the same filter of system calls, which the runner lays upon itself before it reads a line of the job
(and which then spares `execve`).
It is run without root (`--rootless`), also where root starts it. Source: gVisor release 20221219, OCI runtime specification 1.0.2.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from sheaf.domain.job import Job, Limits
from sheaf.sandbox import inside, launch, runtime, seccomp
from sheaf.sandbox.cgroup import Overhead
from sheaf.sandbox.confined import DEVICES, WRITABLE, Confined, Stage, environment, python

FILTER = "/filter"
# gVisor shows its own there unless something else is mounted: here something that nobody but root could look into.
HIDDEN = ("/proc", "/sys")
# The job's user inside. It is not nobody: of the host's root gVisor's namespace knows nothing, so its files look like nobody's.
JOB = 65533
GIB = 1 << 30
KERNEL_BYTES = 256 << 20  # what gVisor's own processes may take, each
# Writes the bundle into the stage: the configuration, a root of empty places, links, filter and runner, devices that nothing can be added
# to, a place for the container's state.
# Arguments: stage, descriptors of configuration, filter and runner, devices, "--", places, "--", links as name and target, "--", command.
BUNDLE = """
set -eu
stage=$1
mkdir -m 0777 "$stage/state"
mkdir "$stage/root"
mkdir -m 0711 "$stage/devices"
mkdir "$stage/devices/pts"
cat "/dev/fd/$2" > "$stage/config.json"
cat "/dev/fd/$3" > "$stage/root/filter"
cat "/dev/fd/$4" > "$stage/root/runner.py"
shift 4
while [ "$1" != -- ]; do
    : > "$stage/devices/${1##*/}"
    mount --bind -- "$1" "$stage/devices/${1##*/}"
    shift
done
shift
mount --rbind "$stage/devices" "$stage/devices"
mount -o remount,bind,ro "$stage/devices"
while [ "$1" != -- ]; do
    if [ -f "$1" ]; then
        mkdir -p -- "$stage/root${1%/*}"
        : > "$stage/root$1"
    else
        mkdir -p -- "$stage/root$1"
    fi
    shift
done
shift
while [ "$1" != -- ]; do ln -s -- "$2" "$stage/root$1"; shift 2; done
shift
exec "$@"
"""


class Gvisor(Confined):
    """Runs jobs under `runsc`: a kernel of their own."""

    name = "gvisor"
    program = "runsc"
    namespaces = ("--mount", "--net")  # without the host's network nobody else reaches runsc's control socket
    overhead = Overhead(processes=256, memory_bytes=KERNEL_BYTES)

    def _given(self, job: Job, stage: Stage) -> list[bytes]:
        bundle = json.dumps(configuration(job, stage)).encode()
        return [bundle, seccomp.program(is_running=True), runtime.runner().read_bytes()]

    def _confine(self, job: Job, stage: Stage, given: list[int]) -> list[str]:
        """Return the bundle's script, limits of gVisor's own processes, drop of rights, `runsc`."""
        links = (part for name, target in runtime.links().items() for part in (f"/{name}", target))
        return [
            *("sh", "-c", BUNDLE, "bundle", stage.place, *map(str, given), *DEVICES, "--"),
            *("/dev", WRITABLE, *HIDDEN, *stage.shown, "--", *links, "--"),
            *launch.limits_command(own_limits(job.limits)),
            *self._drop(),
            *("unshare", "--user", "--map-root-user", "--mount", "--", "setpriv", "--pdeathsig=KILL", "--"),
            *("runsc", "--rootless", "--network=none", "--ignore-cgroups", "--host-uds=none"),
            *("--file-access-mounts=exclusive", f"--root={stage.place}/state"),
            *("run", f"--bundle={stage.place}", f"sheaf-{secrets.token_hex(8)}"),
        ]


def configuration(job: Job, stage: Stage) -> dict[str, Any]:
    """Return the container's `config.json`: who the job is, what it sees, its limits as gVisor's kernel keeps them."""
    limits = launch.rlimits(job.limits)
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": JOB, "gid": JOB},
            "args": python(job, inside.FOLDER, inside.PACKAGES, FILTER),
            "env": [f"{name}={value}" for name, value in environment(job).items()],
            "cwd": WRITABLE,
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [
                {"type": f"RLIMIT_{name.upper()}", "soft": soft, "hard": hard}
                for name, (soft, hard) in limits.items()
            ],
        },
        "root": {"path": "root", "readonly": True},
        "hostname": "sandbox",
        "mounts": [
            *(
                _mount(place, "bind", outside, "ro", "rbind")
                for place, outside in sorted(stage.shown.items())
            ),
            # They may be used and not listed: gVisor adds its terminals' folder, upon which an empty one is laid.
            _mount("/dev", "bind", f"{stage.place}/devices", "rw", "rbind"),
            _mount("/dev/pts", "bind", f"{stage.place}/devices/pts", "ro", "rbind"),
            *(_mount(hidden, "tmpfs", "none", "ro", "mode=0000", "size=4096") for hidden in HIDDEN),
            _mount(WRITABLE, "tmpfs", "none", "mode=1777", f"size={job.limits.disk_bytes}"),
        ],
        "linux": {"namespaces": [{"type": one} for one in ("pid", "ipc", "uts", "mount", "network")]},
    }


def own_limits(limits: Limits) -> dict[str, tuple[int, int]]:
    """Return what the host holds each of gVisor's processes to; of them one is the job's, which therefore cannot take more processor time.

    The rest is a second, wider line should gVisor's kernel not hold the job: the job's memory is a file in memory that grows by doubling
    from a GiB; `data` caps what gVisor keeps of its own, such as of files.
    """
    memory = GIB
    while memory < limits.memory_bytes + limits.disk_bytes:
        memory *= 2
    return {
        "cpu": launch.rlimits(limits)["cpu"],
        "fsize": (2 * memory, 2 * memory),
        "data": (KERNEL_BYTES, KERNEL_BYTES),
        "core": (0, 0),
    }


def _mount(place: str, kind: str, outside: str, *options: str) -> dict[str, Any]:
    return {"destination": place, "type": kind, "source": outside, "options": list(options)}
