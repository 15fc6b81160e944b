"""The port: frames in and out over a pair of file descriptors."""

import posix

LIMIT = 64 << 20  # bytes of a frame, unless a setting says otherwise
LIMIT_MIN = 256 << 10  # the longest error reply fits, each character of it escaped
LIMIT_MAX = (1 << 32) - 1  # what the length header can say

_CHUNK = 64 << 10  # what a pipe holds


class FrameTooLong(Exception):
    """A frame announces more bytes than the limit; the port is out of step."""


class Port:
    """Frames over fd_in and fd_out (may be one and the same, as of a socket),
    which it owns. One thread at a time."""

    def __init__(self, fd_in, fd_out, limit=LIMIT):
        for fd in {fd_in, fd_out}:
            posix.set_inheritable(fd, False)  # a grandchild would keep the port open
            posix.set_blocking(fd, True)
        self.limit = limit
        self._in, self._out = fd_in, fd_out
        self._read = b""  # arrived, but not yet handed out

    def receive(self):
        """The payload of the next frame; None at end-of-file, in the midst of
        a frame too. Raises FrameTooLong before it reads such a frame."""
        while len(self._read) < 4:
            chunk = posix.read(self._in, _CHUNK)
            if not chunk:
                return None
            self._read += chunk
        size = int.from_bytes(self._read[:4], "big")
        if size > self.limit:
            raise FrameTooLong("a frame announces %d bytes, the limit is %d" % (size, self.limit))
        frame, self._read = self._read[4 : 4 + size], self._read[4 + size :]
        if len(frame) == size:
            return frame
        # Memory grows with what arrives, never with what was announced.
        parts, missing = [frame], size - len(frame)
        while missing:
            chunk = posix.read(self._in, min(missing, _CHUNK))
            if not chunk:
                return None
            parts.append(chunk)
            missing -= len(chunk)
        return b"".join(parts)

    def send(self, payload):
        self.write(len(payload).to_bytes(4, "big") + payload)

    def write(self, data):
        sent = posix.write(self._out, data)
        while sent < len(data):
            sent += posix.write(self._out, memoryview(data)[sent:])

    def close(self):
        """Idempotent; afterwards receive and send raise OSError."""
        fds = {self._in, self._out} - {-1}
        self._in = self._out = -1
        for fd in fds:
            posix.close(fd)
