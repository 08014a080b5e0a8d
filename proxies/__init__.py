"""How a candidate is scored before it is fully trained: one file a proxy."""

from proxies.proxy import PROXIES, OnRungs, Proxy, Score, Task, register

__all__ = ["PROXIES", "OnRungs", "Proxy", "Score", "Task", "register"]
