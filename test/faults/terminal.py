"""Runs a command in a terminal of its own: what it prints goes to standard error. A line on standard input is what the
person at the terminal does: "interrupt" presses Ctrl-C, "hang-up" closes it. Ends with the command's exit status."""

import fcntl, os, pty, select, struct, sys, termios

pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
commands = b""
watched = [terminal, 0]
while terminal in watched:
    for ready in select.select(watched, [], [])[0]:
        try:
            data = os.read(ready, 4096)
        except OSError:  # Linux says so that the other side has closed
            data = b""
        if not data:
            watched.remove(ready)
        elif ready == terminal:
            os.write(2, data)
        else:
            commands += data
            while b"\n" in commands:
                line, commands = commands.split(b"\n", 1)
                if line == b"interrupt":
                    os.write(terminal, b"\x03")
                elif line == b"hang-up":
                    os.close(terminal)
                    watched.remove(terminal)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
