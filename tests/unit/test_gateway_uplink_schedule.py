"""What goes next: every pending reading goes, none goes twice at a time, and live ones never wait for a backlog."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hearthline_gateway.outbox.rows import Pending
from hearthline_gateway.uplink.schedule import MAX_UNDER_WAY, Lane, Schedule, Timing, Turn

TIMING = Timing()


def schedule(batch_readings: int = 2) -> Schedule:
    return Schedule(TIMING, batch_readings=batch_readings, jitter=lambda: 1.0)


def backlog(*seqs: int) -> list[Pending]:
    return [Pending(seq, live=False) for seq in seqs]


def live(*seqs: int) -> list[Pending]:
    return [Pending(seq, live=True) for seq in seqs]


def send(plan: Schedule, name: str, now: float) -> tuple[int, ...]:
    turn = plan.turn(now)
    if turn is None:
        return ()
    plan.sent(name, turn, turn.seqs, now)
    return turn.seqs


def test_live_newest_first_then_the_backlog_oldest_first() -> None:
    plan = schedule()
    plan.restart([*backlog(1, 2, 3), *live(4, 5)])
    assert plan.turn(0) == Turn(Lane.LIVE, (5, 4))
    assert plan.turn(0) == Turn(Lane.BACKLOG, (1, 2))


def test_a_slot_is_always_left_for_the_other_lane() -> None:
    plan = schedule(1)
    plan.restart(backlog(1, 2, 3, 4, 5))
    assert [send(plan, f"b{number}", 0) for number in range(4)] == [(1,), (2,), (3,), ()]
    plan.offer(live(6, 7))
    assert [send(plan, f"c{number}", 0) for number in range(2)] == [(7,), ()]


def test_without_a_receipt_it_goes_again_after_30_s_doubling_to_10_min() -> None:
    plan = schedule()
    plan.restart(backlog(1))
    now, waits = 0.0, []
    for number in range(7):
        assert send(plan, f"b{number}", now) == (1,)
        began = now
        while plan.turn(now) is None:
            change = plan.next_change(now)
            assert change is not None
            assert change > now
            now = change
            turn = plan.turn(now)
            if turn is not None:
                plan.put_back(turn.seqs)
                break
        waits.append(now - began)
    assert waits == [30, 60, 120, 240, 480, 600, 600]


def test_after_a_reconnect_everything_goes_at_once() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2))
    assert send(plan, "b", 0) == (1, 2)
    plan.restart(backlog(1, 2))
    assert send(plan, "c", 0.1) == (1, 2)


def test_a_settled_batch_frees_its_slot_and_its_readings_never_go_again() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2))
    send(plan, "b", 0)
    plan.settled([1, 2])
    assert plan.under_way == 0
    assert plan.next_change(0) is None
    plan.offer(backlog(3))
    assert send(plan, "c", 10_000) == (3,)


def test_while_nobody_listens_one_reading_knocks_ever_more_slowly() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2, 3, 4))
    send(plan, "a", 0)
    send(plan, "b", 0)
    assert plan.refused("a", 0) == TIMING.knock_first
    assert plan.refused("b", 0) == TIMING.knock_first, "one absence counts once"
    now, waits = 0.0, []
    for number in range(7):
        assert plan.turn(now) is None
        change = plan.next_change(now)
        assert change is not None
        waits.append(change - now)
        now = change
        assert send(plan, f"k{number}", now) == (1,)
        assert plan.turn(now) is None, "only one knocks"
        plan.refused(f"k{number}", now)
    assert waits == [0.5, 1, 2, 4, 8, 15, 15]


def test_a_knock_that_is_heard_opens_the_door() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2, 3, 4))
    send(plan, "a", 0)
    plan.refused("a", 0)
    assert send(plan, "k", 1) == (1,)
    plan.accepted()
    assert send(plan, "c", 1) == (2, 3)


def test_the_first_receipt_after_a_silence_lets_everything_go_at_once() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2, 3))
    send(plan, "a", 0)
    assert send(plan, "b", 0) == (3,)
    assert send(plan, "c", 30) == (1, 2)
    assert send(plan, "d", 30) == (3,)
    assert plan.turn(61) is None, "the second wait is a minute"
    plan.settled([3])
    plan.heard_receipt(61)
    assert send(plan, "e", 61) == (1, 2)


def test_a_late_receipt_that_comes_between_taking_and_sending_does_no_harm() -> None:
    plan = schedule()
    plan.restart(backlog(1, 2, 3))
    turn = plan.turn(0)
    assert turn == Turn(Lane.BACKLOG, (1, 2))
    plan.settled([1])
    plan.sent("a", turn, turn.seqs, 0)
    assert plan.under_way == 1
    plan.settled([2])
    assert plan.under_way == 0
    turn = plan.turn(0)
    assert turn == Turn(Lane.BACKLOG, (3,))
    plan.settled([3])
    plan.sent("b", turn, turn.seqs, 0)
    assert plan.under_way == 0


def test_neither_lane_starves_the_other_however_much_there_is() -> None:
    plan = schedule(1)
    plan.restart(backlog(*range(1, 20_001)))
    sent: list[Lane] = []
    under_way: list[tuple[str, int]] = []
    for number in range(4000):
        plan.offer(live(100_000 + number))
        while (turn := plan.turn(0)) is not None:
            plan.sent(name := f"b{len(sent)}", turn, turn.seqs, 0)
            sent.append(turn.lane)
            under_way.append((name, turn.seqs[0]))
        _, seq = under_way.pop(0)
        plan.settled([seq])
    counts = {lane: sent.count(lane) for lane in (Lane.LIVE, Lane.BACKLOG)}
    assert counts[Lane.LIVE] >= 2900, "three quarters while both lanes are full"
    assert counts[Lane.BACKLOG] >= 900, "and the backlog goes on"


def test_a_live_reading_is_the_next_turn_however_long_the_backlog() -> None:
    plan = schedule(50)
    plan.restart(backlog(*range(1, 20_001)))
    while send(plan, f"b{plan.under_way}", 0):
        continue
    plan.offer(live(30_000))
    assert plan.turn(0) == Turn(Lane.LIVE, (30_000,)), "there is a slot for it without any receipt"


def test_a_reading_the_backend_never_answers_stays_on_its_own_clock_while_others_flow() -> None:
    plan = schedule(1)
    plan.restart(backlog(1))
    send(plan, "a", 0)
    plan.heard_receipt(1)
    assert send(plan, "b", 30) == (1,)
    plan.heard_receipt(31)
    assert plan.turn(61) is None
    plan.heard_receipt(62)
    assert plan.turn(62) is None
    assert send(plan, "c", 90) == (1,)


def test_a_batch_taken_apart_goes_one_by_one() -> None:
    plan = schedule(3)
    plan.restart(backlog(1, 2, 3))
    send(plan, "a", 0)
    plan.split("a", [1, 2, 3])
    assert [send(plan, f"s{number}", 0) for number in range(3)] == [(1,), (2,), (3,)]


def test_what_cannot_be_sent_now_is_looked_at_much_later() -> None:
    plan = schedule(1)
    plan.restart(backlog(1, 2))
    turn = plan.turn(0)
    assert turn is not None
    plan.postpone(1, 0)
    assert send(plan, "b", 0) == (2,)
    assert plan.turn(599) in (None, Turn(Lane.BACKLOG, (2,)))
    plan.settled([2])
    assert send(plan, "c", 600) == (1,)


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = schedule(3)
        self.plan.restart([])
        self.now = 0.0
        self.seq = 0
        self.pending: set[int] = set()
        self.flying: dict[str, set[int]] = {}
        self.name = 0

    @rule(live=st.booleans(), count=st.integers(1, 5))
    def offer(self, live: bool, count: int) -> None:
        rows = [Pending(self.seq + step, live) for step in range(1, count + 1)]
        self.seq += count
        self.pending |= {row.seq for row in rows}
        self.plan.offer(rows)

    @rule(fits=st.integers(1, 3))
    def go(self, fits: int) -> None:
        turn = self.plan.turn(self.now)
        if turn is None:
            return
        assert set(turn.seqs) <= self.pending
        assert len(set(turn.seqs)) == len(turn.seqs)
        self.name += 1
        self.plan.sent(f"b{self.name}", turn, turn.seqs[:fits], self.now)
        self.plan.put_back(turn.seqs[fits:])
        self.flying[f"b{self.name}"] = set(turn.seqs[:fits])

    @rule(data=st.data())
    def receipt(self, data: st.DataObject) -> None:
        if self.flying:
            name = data.draw(st.sampled_from(sorted(self.flying)))
            part = set(data.draw(st.lists(st.sampled_from(sorted(self.flying[name])), unique=True)))
            self.pending -= part
            self.plan.settled(part)
            self.plan.heard_receipt(self.now)

    @rule(data=st.data(), accepted=st.booleans())
    def puback(self, data: st.DataObject, accepted: bool) -> None:
        if self.flying and accepted:
            self.plan.accepted()
        elif self.flying:
            self.plan.refused(data.draw(st.sampled_from(sorted(self.flying))), self.now)

    @rule(seconds=st.floats(0, 700))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def never_more_than_four(self) -> None:
        assert self.plan.under_way <= MAX_UNDER_WAY

    def teardown(self) -> None:
        """In the end everything that has no receipt goes, and the plan always says when to look again."""
        for _ in range(10_000):
            if not self.pending:
                return
            turn = self.plan.turn(self.now)
            if turn is not None:
                self.plan.sent("end", turn, turn.seqs, self.now)
                self.plan.accepted()
                self.pending -= set(turn.seqs)
                self.plan.settled(turn.seqs)
                continue
            change = self.plan.next_change(self.now)
            assert change is not None, "readings are pending and nothing would ever send them"
            assert change > self.now
            self.now = change
        raise AssertionError("the backlog does not drain")


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
