"""The GPUs that this process sees, asked through NVIDIA's management library.

Owns: the few calls that telemetry needs, by ctypes: nothing has to be installed in the image, as
the driver brings the library. Without it there are no GPUs. Names are those of NVML's reference.
"""

from __future__ import annotations

import ctypes
from typing import Any, List, Optional, Tuple

_LIBRARY = "libnvidia-ml.so.1"
_NAME_BYTES = 96
Sample = Tuple[Optional[float], Optional[float], Optional[float]]


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = (
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    )


class Gpus:
    """Open until `close`. `names` are those of the GPUs, empty without any."""

    def __init__(self, library: str = _LIBRARY) -> None:
        self.names: Tuple[str, ...] = ()
        self._handles: List[ctypes.c_void_p] = []
        self._api: Any = None
        try:
            api = ctypes.CDLL(library)
            if api.nvmlInit_v2() == 0:
                self._api = api
                self._find()
        except (OSError, AttributeError):  # no driver, or one that is too old for these calls
            self._handles = []

    def _find(self) -> None:
        count = ctypes.c_uint()
        if self._api.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return
        names = []
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self._api.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                name = ctypes.create_string_buffer(_NAME_BYTES)
                self._api.nvmlDeviceGetName(handle, name, _NAME_BYTES)
                names.append(name.value.decode("utf-8", "replace"))
                self._handles.append(handle)
        self.names = tuple(names)

    def sample(self) -> Sample:
        """Mean utilisation from 0 to 1, memory in use in bytes, and power in watts, of all GPUs."""
        rates, memory, power = [], [], []
        for handle in self._handles:
            rate, used, milliwatts = _Utilization(), _Memory(), ctypes.c_uint()
            if self._api.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(rate)) == 0:
                rates.append(rate.gpu / 100.0)
            if self._api.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(used)) == 0:
                memory.append(float(used.used))
            if self._api.nvmlDeviceGetPowerUsage(handle, ctypes.byref(milliwatts)) == 0:
                power.append(milliwatts.value / 1000.0)
        return (
            sum(rates) / len(rates) if rates else None,
            sum(memory) if memory else None,
            sum(power) if power else None,
        )

    def close(self) -> None:
        """Let the library go."""
        if self._api is not None:
            self._api.nvmlShutdown()
            self._api = None
