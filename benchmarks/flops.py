"""Counts the floating-point operations of what PyTorch does, backward passes included."""

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class FlopCounter(TorchDispatchMode):
    """While it is entered, adds up 2 x multiply-adds of convolutions and matrix products.

    PyTorch's own `FlopCounterMode` has the formulas, but its hooks on modules do not let gradients
    of gradients through.

    Attributes:
        total: operations so far.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        formula = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **kwargs, out_val=result)
        return result
