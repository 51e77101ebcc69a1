"""Which version this is."""

VERSION = "0.1.0"
SOFTWARE = f"viva-voce {VERSION}"
