"""Where workers live: in this process or in Ray actors, behind `protocols.Executor`. The only door to Ray.

Importing this package loads no ray; a `RayExecutor` does when it is started.
"""

from socratic.cluster.facts import ray_facts
from socratic.cluster.local import LocalExecutor
from socratic.cluster.ray_executor import RayExecutor

__all__ = ["LocalExecutor", "RayExecutor", "ray_facts"]
