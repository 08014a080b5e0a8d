"""How a candidate is scored before it is fully trained: one file a proxy."""

from proxies.proxy import PROXIES, Proxy, Score, Task, register

__all__ = ["PROXIES", "Proxy", "Score", "Task", "register"]
