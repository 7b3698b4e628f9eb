"""Thirty virtual days of an action every three seconds and one every five minutes: 872,640 runs, in bounded memory."""

from collections.abc import Callable

import bench_cron
from bench_cron import DAY, run, run_floor, run_scheduler
from measuring import chosen

from jararaca import ScheduledAction

MONTH = 30 * DAY
RUNS = MONTH // 3 + MONTH // 300


class Actions:
    @ScheduledAction("* * * * * */3", timeout=2.0)
    async def often(self) -> None:
        bench_cron.fired += 1

    @ScheduledAction("*/5 * * * *", timeout=2.0)
    async def seldom(self) -> None:
        bench_cron.fired += 1


if __name__ == "__main__":
    variants: dict[str, Callable[[], None]] = {
        "scheduler": lambda: run(lambda: run_scheduler(Actions, seconds=MONTH, runs=RUNS)),
        "bare floor": lambda: run(lambda: run_floor(3, 300, seconds=MONTH, runs=RUNS)),
    }
    chosen(variants)()
