"""What is used of Ray's interface, with one task at a time in a thread: copied as the module `ray`.

It tries how tasks are given out and taken; that Ray keeps its promises `test_on_ray.py` tries.
"""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

_pool = ThreadPoolExecutor(1)


class exceptions:  # noqa: N801
    class RayError(Exception):
        pass


def is_initialized():
    return False


def init(**options):
    assert options["address"] is None


def cluster_resources():
    return {"CPU": 1.0}


def remote(**options):
    assert options == {"max_retries": 2, "num_cpus": 1, "num_gpus": 0}

    def decorate(function):
        class Task:
            @staticmethod
            def remote(*given) -> Future:
                return _pool.submit(function, *given)

        return Task

    return decorate


def wait(tasks, timeout):
    done, left = wait_for(tasks, timeout, FIRST_COMPLETED)
    return [*done], [*left]


def get(task):
    return task.result()


def cancel(task, force):
    task.cancel()


def shutdown():
    _pool.shutdown(wait=False, cancel_futures=True)
