"""What operators and developers run as `python -m scripts.…`."""

from app.interrupts import end_commands_with_a_line

end_commands_with_a_line()
