// Package wire has the bytes that pass between a pool and a Python worker:
// frames (a 4-byte big-endian length and that many bytes) and the JSON
// messages in them. It is pure: it knows readers, writers and byte slices, no
// processes, clocks or contexts. What carries the bytes belongs to package
// worker and its launchers.
//
//	request  {"id": int from 0, "command": str, "args": {…}, "timestamp": ISO 8601 str, "evidence": bool}
//	success  {"id": int, "success": true,  "result": any, "timestamp": float s, "evidence": {…}, "more": bool}
//	error    {"id": int, "success": false, "error": str,  "timestamp": float s, "evidence": {…}, "error_type": str, "traceback": str}
//
// What is wrong with the bytes is a *FrameError or a *MessageError, which names
// the field at fault. Every call passes through here, so messages are taken
// apart and put together by hand; encoding/json is what the tests compare with,
// and writes the args whose types are not common.
package wire
