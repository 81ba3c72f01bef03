"""Memory: the most that this process held meanwhile, on the GPU where there is one."""

import ctypes
import gc
import sys
import threading

import psutil
import torch

EVERY = 0.005  # seconds between two looks at the process


class Peak:
    """`with Peak() as peak:` measures what the block needs at most; `peak.bytes` is that, above what was held before.

    On a GPU it is what PyTorch allocated there; on a CPU the process's resident memory, sampled every few milliseconds.
    """

    def __enter__(self) -> "Peak":
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()
            return self
        if sys.platform == "linux":  # what an earlier block freed goes back to the system first, or it hides this one's
            ctypes.CDLL(None).malloc_trim(0)
        self.before = self.highest = psutil.Process().memory_info().rss
        self.done = threading.Event()
        self.watch = threading.Thread(target=self._look, daemon=True)
        self.watch.start()
        return self

    def __exit__(self, *_) -> None:
        if torch.cuda.is_available():
            self.highest = torch.cuda.max_memory_allocated()
        else:
            self.done.set()
            self.watch.join()
        self.bytes = self.highest - self.before

    def _look(self) -> None:
        process = psutil.Process()
        while not self.done.wait(EVERY):
            self.highest = max(self.highest, process.memory_info().rss)
