"""How moments of a call are written."""


def clock(seconds: float, point: str) -> str:
    """Hours, minutes, seconds and, behind the point, thousandths."""
    thousandths = int(max(0.0, seconds) * 1000 + 0.5)
    whole, rest = divmod(thousandths, 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{rest:03d}"
