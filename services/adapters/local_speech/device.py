"""Where a model computes, and with which numbers."""

from dataclasses import dataclass

import ctranslate2


class DeviceMissing(ValueError):
    """This machine has no such device, or it does not know such numbers; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Device:
    """`cpu` or `cuda`, and a compute type of CTranslate2; `auto` until it is known what is here."""

    name: str = "cpu"
    compute_type: str = "int8"

    def here(self) -> "Device":
        """What `auto` is on this machine: `cuda` where there is one; int8 on cpu, float16 on cuda.

        DeviceMissing if it cannot be had. Asked in the process that computes: a CUDA driver that was
        asked anything before a fork fails after it.
        """
        name = self.name if self.name != "auto" else "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        fast = "int8" if name == "cpu" else "float16"
        return Device(name, fast if self.compute_type == "auto" else self.compute_type)._checked()

    def _checked(self) -> "Device":
        if self.name == "cuda" and not ctranslate2.get_cuda_device_count():
            raise DeviceMissing("SPEECH_DEVICE=cuda: no CUDA device and driver is seen here. Set auto or cpu.")
        known = ctranslate2.get_supported_compute_types(self.name)
        if self.compute_type not in known:
            choice = ", ".join(["auto", *sorted(known)])
            raise DeviceMissing(
                f"SPEECH_COMPUTE_TYPE={self.compute_type} does not go on this {self.name}: {choice} do."
            )
        return self
