"""One incremental link: the lock, what can be reused, and what the log says about it.

There are three kinds of links.  If nothing has changed, the output is only given a new time (make and ninja go by
that).  If what has changed can be put into the old output, an update does so.  Otherwise the link is a full one
that leaves room to grow and saves its tables: the initial incremental link.

Nobody ever sees an output that is being written: there are two images of it in the state directory, the one that is
published under the output's name as a second hard link, and an older one that an update brings up to date, changes
and then publishes by a rename.
"""

from __future__ import annotations

import fcntl
import posix
import time

from wild.errors import CannotUpdate, LinkError
from wild.incremental.command_line import END
from wild.incremental.control import read_control, remove, stamp, write_control
from wild.incremental.fingerprint import Fingerprint
from wild.incremental.journal import absolute, now, write_line
from wild.kernels.identity import ROW, differing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wild.incremental.command_line import CommandLine
    from wild.incremental.save import Saver
    from wild.kernels.files import Inputs
    from wild.kernels.output import Output
    from wild.kernels.pool import Pool
    from wild.link import Measured, Resolved
    from wild.messages import Messages
    from wild.options import Options

LOCK_SECONDS, LOCK_STEP = 10.0, 0.002


class Session:
    """The state directory of one output, locked until the process ends."""

    def __init__(self, output: str, line: CommandLine) -> None:
        self.output = output
        self.directory = f"{output}.incr"
        self.arguments = line.arguments
        self.fingerprint = Fingerprint(line)
        asked = {line.text[begin:end].lstrip("-") for begin, end in line.places("-incremental")}
        self.forced = "incremental=canonical" in asked
        self.strict = "incremental=strict" in asked
        self.verified = posix.environ.get(b"WILD_VERIFY_INCREMENTAL") == b"1"
        self.verified |= bool(line.places(f"-verify-incremental{END}"))
        self.diff_path = line.value_of("incremental-diff-out")
        self.changed: list[str] = []  # file names of objects
        self.changed_functions: list[dict[str, object]] | None = []
        self.started = time.perf_counter_ns()
        self.start = now()
        self.reason = ("", "")
        self.counts: dict[str, object] = {}
        self.laps: dict[str, float] = {}
        self.saver: Saver | None = None
        self.warn_again: list[str] = []
        self.usable = self.lock()

    def lock(self) -> bool:
        """Take the lock; False where there can be no state: no directory can be made, or somebody keeps it."""
        try:
            try:  # noqa: SIM105 - see control.remove
                posix.mkdir(self.directory, 0o700)
            except FileExistsError:
                pass
            flags = posix.O_RDWR | posix.O_CREAT | posix.O_CLOEXEC
            self.descriptor = posix.open(f"{self.directory}/lock", flags, 0o600)
        except OSError as error:
            self.reason = ("A7", f"{self.directory}: {error.strerror}")
            return False
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() > end:
                    self.reason = ("A6", "another link of this output does not end")
                    return False
                time.sleep(LOCK_STEP)

    def try_update(self, prepare: Callable[[], None]) -> bool:
        """Bring the output up to date from the state; False if that has to be done by a full link.

        `prepare` is called when an update is begun, and imports what it needs faster than the import system would.
        """
        if not self.usable:
            return False
        try:
            if self.forced:
                raise CannotUpdate("C6", "a canonical link was asked for")
            control = read_control(self.directory)
            changed = self.changed_inputs(control)
            self.lap("look")
            if not changed:
                self.publish_again(control)
                mode = "unchanged"
            else:
                prepare()
                from wild.incremental.update import update

                mode = "update" if update(self, control, changed) else "unchanged"
            self.repeat_dependencies(control)
            self.write_diff(mode, self.changed_functions)
            self.log(mode)
        except CannotUpdate as reason:
            self.reason = (reason.code, reason.reason)
            return False
        except OSError as error:
            self.reason = ("A8", error.strerror or "the state cannot be used")
            return False
        return True

    def link_fully(
        self, link: Callable[[Options, Messages, Session], None], options: Options, messages: Messages
    ) -> None:
        """Do a full link that leaves room to grow, and log it."""
        from wild.incremental.save import unsupported

        option = unsupported(options)
        if option:
            self.reason = ("C3", f"{option} makes an output that cannot be updated")
            self.usable = False
        options.incremental = self.usable
        try:
            if self.strict and self.reason[0] != "A1":
                code, reason = self.reason
                raise LinkError(
                    f"{self.output}: cannot be updated: {reason} ({code}); --incremental=canonical links it in full"
                )
            link(options, messages, self)
        except Exception:
            self.log("failed")
            raise
        self.lap("link")
        mode = "initial" if self.saver is not None else "full"
        self.write_diff(mode, None)
        self.log(mode)

    def take(self, output: Output, leaves: bytes) -> None:
        """Before an output is published: from here on there is no old state, and one link more to the output.

        Where that cannot be, there will be no new state either."""
        from wild.incremental.save import Saver
        from wild.writing import LARGE

        if not self.usable or output.temporary is None:
            return
        try:
            self.saver = Saver(self, output.temporary, leaves, output.size >= LARGE)
        except OSError as error:
            self.reason = ("A8", f"{self.directory}: {error.strerror}")

    def save(
        self,
        pool: Pool,
        inputs: Inputs,
        found: Resolved,
        sized: Measured,
        options: Options,
        messages: Messages,
    ) -> None:
        """Save what the next link needs; the log says so if that fails.

        After a large link, a child does it whom nobody waits for, if there may be one."""
        saver = self.saver
        if saver is None:
            return
        try:
            saver.note_image()
            if options.early_exit and saver.is_large:
                from wild.incremental.afterwards import save_afterwards

                def save(own: Pool) -> None:
                    saver.save(own, inputs, found, sized, options, messages)

                save_afterwards(pool, self.descriptor, save)
            else:
                saver.save(pool, inputs, found, sized, options, messages)
        except OSError as error:
            self.reason = ("A8", f"{self.directory}: {error.strerror}")

    def changed_inputs(self, control: dict[str, Any]) -> list[int]:
        """Numbers of the paths whose files are not what they were; raises CannotUpdate for another link."""
        if control["key"] != self.fingerprint.key:
            raise CannotUpdate("C1", "the command line is another")
        image = control["image"]
        if stamp(f"{self.directory}/image-{image}") != control["stamps"][image]:
            raise CannotUpdate("A4", "the saved output was modified")
        if stamp(f"{self.directory}/tables") != control["tables_stamp"]:
            raise CannotUpdate("A4", "the saved tables were modified")
        if control["temporary"] or control["units"]:
            from wild.incremental.units import rename_temporary

            rename_temporary(control, self.fingerprint.temporary, self.fingerprint.units)
        changed = differing(control["paths"], control["rows"])
        return sorted({*changed, *control["racy"]})

    def publish_again(self, control: dict[str, Any]) -> None:
        """Let the output be there and newer than its inputs."""
        image = control["image"]
        path = f"{self.directory}/image-{image}"
        self.verify(path)
        posix.utime(path)
        control["stamps"][image] = stamp(path)
        here = stamp(self.output)
        if here is None or here[:2] != control["stamps"][image][:2]:
            self.publish(path)
        remove(f"{self.directory}/control")  # a rename that replaces a file takes longer, see `publish`
        write_control(self.directory, control)
        self.warn_again = control["warnings"]

    def repeat_dependencies(self, control: dict[str, Any]) -> None:
        """--dependency-file, as the full link wrote it: ninja removes it when it has read it."""
        if control["dependencies"] is not None:
            path, text = control["dependencies"]
            with open(path, "wb") as file:
                file.write(text)

    def verify(self, image: str) -> None:
        """Compare an image that will be published with a full link, if that is wanted; raises InternalError."""
        if self.verified:
            from wild.incremental.verify import verify

            verify(self, image)

    def publish(self, image: str) -> None:
        """Give an image the name of the output, in one step."""
        from wild.kernels.publish import exchange

        temporary = f"{self.directory}/publish"  # which a link that was killed may have left
        remove(temporary)
        posix.link(image, temporary)
        if exchange(
            temporary.encode("utf-8", "surrogateescape"), self.output.encode("utf-8", "surrogateescape")
        ):
            posix.unlink(temporary)
        else:
            posix.rename(temporary, self.output)

    def write_diff(self, mode: str, functions: list[dict[str, object]] | None) -> None:
        """--incremental-diff-out; raises OSError."""
        if self.diff_path:
            from wild.incremental.changed_functions import write_diff

            objects = self.changed if mode == "update" else []
            write_diff(self.diff_path, self.output, mode, objects, functions)

    def lap(self, name: str) -> None:
        """What has been done since the last lap."""
        self.laps[name] = self.laps.get(name, 0.0) + self.spent() - sum(self.laps.values())

    def spent(self) -> float:
        """Milliseconds since the session was begun."""
        return (time.perf_counter_ns() - self.started) / 1e6

    def log(self, mode: str) -> None:
        """Write the line of this link."""
        write_line(
            {
                "time": self.start,
                "output": absolute(self.output),
                "mode": mode,
                "code": self.reason[0],
                "reason": self.reason[1],
                "ms": self.spent(),
                **self.counts,
                "phases": self.laps,
            }
        )


def rows_of(control: dict[str, Any], number: int) -> bytes:
    """The identity of one path."""
    rows: bytes = control["rows"]
    return rows[ROW * number : ROW * (number + 1)]
