"""A Python worker: answers calls that arrive as frames on its port.

    python3 /path/to/butfor_worker/__main__.py   the fastest start
    python3 /path/to/butfor_worker               3 ms slower: Python goes through runpy
    python3 -m butfor_worker                     the same, where the package can be imported

It needs Python 3.9 or later on a POSIX system, and the standard library alone.
`--help` has the flags, commands.py the commands.

The wire. A frame is a 4-byte big-endian length and that many bytes of UTF-8
JSON; requests come in on stdin, each is answered by one reply on stdout (or, with
--connect, both go over a Unix socket):

    request  {"id": int, "command": str, "args": {...}}
    success  {"id": int, "success": true,  "result": any, "timestamp": s}
    error    {"id": int, "success": false, "error": "Type: message",
              "error_type": "Type", "traceback": str, "timestamp": s}

`args` may be left out; unknown fields and unknown args are ignored; `traceback`
is there if code that is not the worker's own raised.

No request goes unanswered:

  RequestError    the frame is not UTF-8, not JSON (NaN and Infinity are none),
                  no object, or has no usable id, command or args
  UnknownCommand  there is no such command
  ArgumentError   an argument is missing or wrong; the message names it
  ResultError     the result is no JSON or makes a frame over the limit
  anything else   what the called code raised; SystemExit and KeyboardInterrupt
                  are such errors too, and the worker lives on

Where a request has no usable id (an int from 0 to 2**63-1, and no bool), the
error reply carries id 0. That is the id of the start ping alone: as an answer
to the start ping an error is no hello, and to any later call it is the wrong
id. So it is never taken for a success, and its text says what was wrong.

A frame that announces more bytes than the limit is not read: what follows it
could not be told from payload, so the worker says so on stderr and exits.

Exit status: 0 after `shutdown`, at end-of-file on the port and when the parent
died; 1 if it cannot serve; 2 wrong flags; 3 a frame over the limit;
130 interrupted between calls. The end is always at once: neither exit handlers
nor threads of called code can delay it.

Standard input of called code is empty, and what it prints goes to stderr.
"""

__version__ = "0.1.0"
