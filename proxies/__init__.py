"""Proxies, which score a candidate before it is fully trained: one file for each proxy."""

from proxies.proxy import PROXIES, Proxy, Score, Task, register

__all__ = ["PROXIES", "Proxy", "Score", "Task", "register"]
