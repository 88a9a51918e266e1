"""Whether the gateway's own clock is to be believed, and what stands for the time while it is not."""

from datetime import timedelta

from hearthline_gateway.clock import BOOT, Clock, LinuxKernel, counted
from hearthline_gateway.frame import BootMoment
from tests.fixtures.kernel import FakeKernel


def test_without_time_it_counts_from_the_boot_whatever_the_machine_shows() -> None:
    kernel = FakeKernel()
    clock = Clock(kernel)
    first = clock.now()
    assert not clock.trusted
    assert (first, counted(first)) == (BOOT + timedelta(seconds=40), True)
    kernel.steps(timedelta(days=20_000))
    kernel.passes(seconds=5)
    assert clock.now() - first == timedelta(seconds=5)
    assert clock.since_boot(first) == BootMoment(kernel.boot_id, 40)


def test_the_kernel_s_word_makes_it_known_and_not_the_year() -> None:
    kernel = FakeKernel()
    clock = Clock(kernel)
    kernel.steps(kernel.true - kernel.shown())
    assert kernel.shown() == kernel.true
    assert not clock.trusted
    kernel.learns_the_time()
    assert clock.now() == kernel.true
    assert clock.since_boot(clock.now()) is None
    assert clock.boot_began == kernel.true - timedelta(seconds=40)


def test_a_home_cut_off_from_its_time_server_goes_on_by_what_it_learned() -> None:
    kernel = FakeKernel(synced=True)
    clock = Clock(kernel)
    assert clock.trusted
    kernel.passes(hours=9)
    kernel.forgets_its_server()
    kernel.steps(timedelta(days=-365))
    kernel.passes(days=6)
    assert clock.now() == kernel.true


def test_a_clock_that_is_trusted_follows_the_machine() -> None:
    kernel = FakeKernel(synced=True)
    kernel.forgets_its_server()
    clock = Clock(kernel, trust=True)
    assert clock.now() == kernel.true
    kernel.steps(timedelta(hours=2))
    assert clock.now() == kernel.true + timedelta(hours=2)


def test_a_moment_before_this_software_is_believed_of_nobody() -> None:
    assert not Clock(FakeKernel(), trust=True).trusted
    kernel = FakeKernel()
    kernel.synced = True
    assert not Clock(kernel).trusted


def test_a_later_process_of_the_same_boot_knows_what_an_earlier_one_learned() -> None:
    kernel = FakeKernel(synced=True)
    began = Clock(kernel).boot_began
    assert began is not None
    boot_id = kernel.boot_id
    kernel.forgets_its_server()
    later = Clock(kernel)
    later.resume(boot_id, began)
    assert later.now() == kernel.true
    kernel.boots_again()
    after = Clock(kernel)
    after.resume(boot_id, began)
    assert not after.trusted


def test_the_kernel_of_this_machine_can_be_asked() -> None:
    kernel = LinuxKernel()
    assert len(kernel.boot_id) == 36
    assert kernel.since_boot() > 0
    assert kernel.synchronised() in (True, False, None)
    assert Clock(kernel).now() <= Clock(kernel).now()
