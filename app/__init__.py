"""The processes, put together of settings and services."""

from app.interrupts import end_commands_with_a_line

end_commands_with_a_line()
