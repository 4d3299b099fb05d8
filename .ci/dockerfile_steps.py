"""Run the steps of the Dockerfile in a clean Debian root, where there is no Docker to build it.

    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie ROOT
    python .ci/dockerfile_steps.py ROOT [--bind DIR] [--env NAME=VALUE] [--build-arg NAME=VALUE]

As root.  Each FROM is a copy of ROOT; RUN, COPY, WORKDIR, ENV, ARG and USER are done with chroot.
Then the entry point is started as the image would start it, the health check is run until it
passes, a question is asked, and SIGTERM must end it.  It is no Docker: the Python is Debian's, the
network is the machine's, and nothing is limited.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parents[1]
PORT = 8000


def instructions(text: str) -> list[tuple[str, str]]:
    """The Dockerfile's instructions, their lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]  # type: ignore[misc]


class Stage:
    """A root that the steps change."""

    def __init__(self, root: Path, binds: list[Path], environment: dict[str, str]):
        self.root, self.binds = root, binds
        self.environment = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", **environment}
        self.folder, self.user = "/", "0"
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        for path in ["/proc", "/dev", *map(str, binds)]:
            (root / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [
                    "mount",
                    "--bind",
                    "-o",
                    "ro" if path in map(str, binds) else "rw",
                    path,
                    root / path.lstrip("/"),
                ],
                check=True,
            )

    def command(self, words: list[str]) -> list[str]:
        """What runs the words in this root, in the working folder, as the user."""
        entry = next(
            line.split(":")
            for line in (self.root / "etc/passwd").read_text().splitlines()
            if self.user in line.split(":")[:3:2]
        )
        environment = [f"{k}={v}" for k, v in {"HOME": entry[5], **self.environment}.items()]
        change = f"cd {shlex.quote(self.folder)} && exec {shlex.join(words)}"
        who = f"--userspec={entry[2]}:{entry[3]}"
        return ["chroot", who, str(self.root), "env", "-i", *environment, "sh", "-c", change]

    def run(self, shell: str) -> None:
        """A RUN step."""
        subprocess.run(self.command(["sh", "-c", shell]), check=True)

    def close(self) -> None:
        """Take the mounts off."""
        for path in [*map(str, self.binds), "/dev", "/proc"]:
            subprocess.run(["umount", self.root / path.lstrip("/")], check=True)


def copy_context(stage: Stage) -> None:
    """COPY . . without what .dockerignore names."""
    ignored = (HERE / ".dockerignore").read_text().split()
    excludes = [f"--exclude=./{name.removeprefix('**/')}" for name in ignored]
    packed = subprocess.run(
        ["tar", "-C", HERE, "-c", *excludes, "."], check=True, capture_output=True
    ).stdout
    target = stage.root / stage.folder.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-C", target, "-x", "--no-same-owner"], input=packed, check=True)


def build(args: argparse.Namespace, work: Path, stages: dict[str, Stage]) -> dict[str, str]:
    """Do the steps; returns what is to be run at last."""
    given = dict(pair.split("=", 1) for pair in args.build_arg)
    last: dict[str, str] = {}
    stage: Stage
    for name, rest in instructions((HERE / "Dockerfile").read_text()):
        print(f"{name} {rest}", flush=True)
        if name == "FROM":
            root = work / f"stage{len(stages)}"
            subprocess.run(["cp", "-a", args.root, root], check=True)
            stage = Stage(root, args.bind, dict(pair.split("=", 1) for pair in args.env))
            stages[rest.partition(" AS ")[2] or "last"] = stage
        elif name == "ARG":
            variable, _, default = rest.partition("=")
            if value := given.get(variable, default):
                stage.environment[variable] = value
        elif name == "WORKDIR":
            stage.folder = rest
            (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "RUN":
            stage.run(rest)
        elif name == "COPY" and (source := re.match(r"--from=(\w+) (\S+) (\S+)", rest)):
            origin = stages[source[1]].root / source[2].lstrip("/")
            subprocess.run(["cp", "-a", origin, stage.root / source[3].lstrip("/")], check=True)
        elif name == "COPY":
            copy_context(stage)
        elif name == "ENV":
            pairs = dict(pair.split("=", 1) for pair in shlex.split(rest))
            path = pairs.get("PATH", "").replace("$PATH", stage.environment["PATH"])
            stage.environment |= pairs | ({"PATH": path} if path else {})
        elif name == "USER":
            stage.user = rest
        else:
            last[name] = rest
    return last


def serve(stage: Stage, last: dict[str, str]) -> None:
    """Start the entry point, wait for its health check, ask a question, and end it."""
    check = json.loads(last["HEALTHCHECK"].partition("CMD ")[2])
    with subprocess.Popen(stage.command(json.loads(last["ENTRYPOINT"]))) as process:
        try:
            for _ in range(60):
                if subprocess.run(stage.command(check), capture_output=True).returncode == 0:
                    break
                assert process.poll() is None, "the service ended"
                time.sleep(5)
            body = {"passages": [{"passage": "Marie Curie was born in Warsaw in 1867."}]}
            request = urllib.request.Request(
                f"http://127.0.0.1:{PORT}/v1/questions",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=120) as answer:
                print(answer.read().decode()[:300])
        finally:
            process.terminate()
        print(f"exit code after SIGTERM: {process.wait(60)}")


def main() -> None:
    """Build, serve, and take everything away."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--bind", type=Path, action="append", default=[])
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--build-arg", action="append", default=[])
    args = parser.parse_args()
    work = Path(tempfile.mkdtemp())
    stages: dict[str, Stage] = {}
    try:
        last = build(args, work, stages)
        serve(stages["last"], last)
    finally:
        for stage in stages.values():
            stage.close()
        if str(work) not in Path("/proc/mounts").read_text():  # never through a mount
            shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
