"""What calls of dbt leave behind in a process that goes on."""

from __future__ import annotations

import gc
import weakref

from include.transform import runner


class Project:
    """A part of a parsed project that knows itself, so that only the garbage collector removes it."""

    def __init__(self) -> None:
        self.me = self


def test_parsed_projects_do_not_pile_up_in_a_process_of_many_calls() -> None:
    gc.disable()  # or a collection by chance would hide that none is made
    try:
        left = []
        for _ in range(runner.CALLS_BETWEEN_COLLECTIONS):
            left.append(weakref.ref(Project()))
            with runner._project_left_out_of_garbage_collection():
                pass
        assert not all(project() for project in left)
    finally:
        gc.enable()
    assert gc.get_freeze_count() == 0
