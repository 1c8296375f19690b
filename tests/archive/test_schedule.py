"""How many pages go to a worker at once."""

from __future__ import annotations

from pagereader.archive.schedule import Schedule
from pagereader.archive.tasks import PageJob, PageTask
from pagereader.sources import Kind, PageRef


def test_tasks_get_smaller_towards_the_end() -> None:
    schedule = Schedule(iter(()), retries=0, pages_a_task=4)
    ref = PageRef("page.png", 0, 1, Kind.PNG)
    schedule.add_pages([PageJob(number, ref, ()) for number in range(50)])
    sizes, seen = [], []
    while task := schedule.next_task(free=1):
        assert isinstance(task, PageTask)
        sizes.append(len(task.items))
        seen += [job.key for job in task.items]
    assert seen == list(range(50))
    assert sizes[:4] == [4, 4, 4, 4]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-8:] == [1] * 8
