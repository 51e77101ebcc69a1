"""numpy's products of matrices, by the thread that asks for them."""

from threadpoolctl import threadpool_limits


def by_who_asks() -> None:
    """In this process, from now on: OpenBLAS's other threads spin for a tenth of a second behind each product."""
    threadpool_limits(1, "blas")
