"""Memory: what would not fit is refused before it is allocated."""

GIB = 2**30


def check_fits(argument: str, figures: str, n_bytes: float, *, remedy: str) -> None:
    """Check that a computation fits into the memory that is free.

    Without it the system, not Python, ends the process, and often others with it.

    Parameters
    ----------
    argument : str
        What is too large.
    figures : str
        How large it is.
    n_bytes : float
        The memory that the computation takes.
    remedy : str
        What to do.

    Raises
    ------
    MemoryError
        If there is less memory than that.
    """
    # Imported late: `import oracle` stays quick.
    import psutil

    available = psutil.virtual_memory().available
    if n_bytes > available:
        raise MemoryError(
            f"{argument} must fit into memory, got {figures}, which take {n_bytes / GIB:.1f} GiB "
            f"of {available / GIB:.1f} GiB available: {remedy}"
        )
