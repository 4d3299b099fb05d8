"""Batches side by side."""

import threading
import time

import pytest
import torch

from qgen.model.runtime.workers import MOST_STREAMS, count_streams, side_by_side

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_are_in_order(threads):
    assert side_by_side(lambda item: item * item, range(20), CPU) == [i * i for i in range(20)]
    assert side_by_side(str, [], CPU) == []


def test_items_are_done_at_once_each_with_its_share_of_threads(threads):
    streams = count_streams(CPU)
    assert streams == min(threads, MOST_STREAMS)
    together = threading.Barrier(streams)  # breaks if some are waited for in vain

    def shared(item: int) -> int:
        together.wait(timeout=30)
        return torch.get_num_threads()

    assert side_by_side(shared, range(2 * streams), CPU) == [threads // streams] * 2 * streams


def test_other_threads_are_left_alone(threads):
    side_by_side(str, range(4), CPU)
    found = []
    started_later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    started_later.start()
    started_later.join()
    assert [*found, torch.get_num_threads()] == [threads, threads]


def test_an_exception_comes_through_and_the_rest_is_not_begun(threads):
    begun = []

    def fail_at_first(item: int) -> None:
        begun.append(item)
        time.sleep(0.01)
        raise ValueError("as expected")

    with pytest.raises(ValueError, match="as expected"):
        side_by_side(fail_at_first, range(1000), CPU)
    assert len(begun) < 1000
    assert side_by_side(str, range(3), CPU) == ["0", "1", "2"]


def test_an_accelerator_has_one_stream():
    assert count_streams(torch.device("cuda")) == 1
