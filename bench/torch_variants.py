"""The ways of doing a case in PyTorch. A variant is a list of options, `compile+channels_last`; `eager` is none."""

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Way:
    """How a case is done."""

    compile: dict | None = None
    """Arguments of torch.compile; None to run eagerly."""
    memory_format: torch.memory_format = torch.contiguous_format
    optimizer: dict = field(default_factory=dict)
    """Arguments of the optimiser."""
    chunked: bool = False
    """Whether a linear layer and cross entropy are PyTorch's own operation in chunks."""

    def laid_out(self, what):
        """A module or tensor of four dimensions in the memory format."""
        return what.to(memory_format=self.memory_format)

    def of(self, function):
        """The function as it is to be run."""
        return function if self.compile is None else torch.compile(function, fullgraph=True, **self.compile)


OPTIONS = {
    "eager": {},
    "channels_last": {"memory_format": torch.channels_last},
    "foreach": {"optimizer": {"foreach": True}},
    "fused": {"optimizer": {"fused": True}},
    "chunked": {"chunked": True},
    "compile": {"compile": {}},
    "autotune": {"compile": {"mode": "max-autotune-no-cudagraphs"}},
    "freeze": {"compile": {"options": {"max_autotune": True, "freezing": True}}},
}


def way(variant):
    return Way(**{name: value for option in variant.split("+") for name, value in OPTIONS[option].items()})
