"""The services of docker-compose.yml, one line each, as the container engine reports them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.pipeline_health.advice import Advice
from scripts.pipeline_health.engine import (
    ComposeUnavailable,
    Engine,
    EngineUnavailable,
    ServiceDefinition,
    label,
    last_line,
)
from scripts.pipeline_health.findings import Finding, Health, format_span, split_remedy
from shared.parallel import run_in_parallel

AREA = "services"
LOOP_RESTARTS = 3
"""Restarts by the engine from which a young container counts as one that goes round in a loop."""
YOUNG_SECONDS = 60.0
KILLED = 137
SEVERITY = (Health.OK, Health.ATTENTION, Health.UNKNOWN, Health.DOWN)


@dataclass(frozen=True)
class Container:
    """What `docker inspect` says of one container, as far as it matters here."""

    container_id: str
    service: str
    status: str
    health: str
    health_output: str
    failing_streak: int
    exit_code: int
    error: str
    restarts: int
    is_out_of_memory: bool
    memory_bytes: int
    started_at: datetime | None
    log_line: str = ""


@dataclass(frozen=True)
class HealthResult:
    """How a container is, why, and what to do."""

    health: Health
    reason: str
    remedy: str = ""


def check_containers(
    engine: Engine,
    advice: Advice,
    now: datetime,
    inspected: Sequence[Mapping[str, Any]] | EngineUnavailable | None = None,
) -> list[Finding]:
    """One line per service that should run or has a container. `inspected` is what the engine has already returned."""
    if inspected is None:
        try:
            inspected = engine.containers()
        except EngineUnavailable as error:
            inspected = error
    if isinstance(inspected, EngineUnavailable):
        return [Finding(AREA, "container engine", Health.UNKNOWN, *split_remedy(str(inspected)))]
    found: list[Finding] = []
    definitions: list[ServiceDefinition] | None = None
    try:
        definitions = engine.services()
    except ComposeUnavailable as error:
        found.append(Finding(AREA, "compose files", Health.UNKNOWN, *split_remedy(str(error))))
    containers = run_in_parallel(lambda each: read(each, engine.last_log_line), inspected, name="inspect")
    active = frozenset(filter(None, engine.environ.get("COMPOSE_PROFILES", "").split(",")))
    return found + judge(definitions, containers, active, advice, now)


def read(inspected: Mapping[str, Any], log_line: Callable[[str], str]) -> Container:
    """Extract the relevant parts of `docker inspect`; the log is read only when a container failed."""
    state = inspected["State"]
    health = state.get("Health") or {}
    outputs = [entry.get("Output", "") for entry in health.get("Log") or () if entry.get("ExitCode")]
    has_failed = state["Status"] in ("exited", "restarting", "dead") and state.get("ExitCode", 0) != 0
    return Container(
        container_id=inspected["Id"],
        service=label(inspected, "com.docker.compose.service"),
        status=state["Status"],
        health=health.get("Status", ""),
        health_output=last_line(outputs[-1]) if outputs else "",
        failing_streak=health.get("FailingStreak", 0),
        exit_code=state.get("ExitCode", 0),
        error=last_line(state.get("Error") or "", limit=400),
        restarts=inspected.get("RestartCount", 0),
        is_out_of_memory=bool(state.get("OOMKilled")),
        memory_bytes=(inspected.get("HostConfig") or {}).get("Memory") or 0,
        started_at=_time(state.get("StartedAt", "")),
        log_line=log_line(inspected["Id"]) if has_failed else "",
    )


def judge(
    definitions: Sequence[ServiceDefinition] | None,
    containers: Iterable[Container],
    active_profiles: frozenset[str],
    advice: Advice,
    now: datetime,
) -> list[Finding]:
    """The lines, in the order of the names. Without definitions only what has a container is known."""
    by_service: dict[str, list[Container]] = {}
    for container in containers:
        by_service.setdefault(container.service, []).append(container)
    defined = {each.name: each for each in definitions or ()}
    found = []
    for name in sorted({*defined, *by_service}):
        service = defined.get(name) or ServiceDefinition(name, is_one_shot=name.endswith("-init"))
        is_expected = not service.profiles or bool(service.profiles & active_profiles)
        of_service = by_service.get(name, [])
        if not of_service and not is_expected:
            continue
        if not of_service:
            outcome = _not_created(service, advice, nothing_runs=not by_service)
        else:
            outcomes = [_outcome(each, service, is_expected, advice, now) for each in of_service]
            outcome = _together(service, outcomes, advice)
        found.append(Finding(AREA, name, outcome.health, outcome.reason, outcome.remedy))
    return found


def _not_created(service: ServiceDefinition, advice: Advice, *, nothing_runs: bool) -> HealthResult:
    if service.is_one_shot and not nothing_runs:
        # `docker container prune` removes what has ended well.
        return HealthResult(Health.ATTENTION, "no container: not run yet, or removed since", advice.start(service.name))
    # Nothing runs: one command starts it all.
    return HealthResult(Health.DOWN, "no container", advice.start("" if nothing_runs else service.name))


def _together(service: ServiceDefinition, outcomes: Sequence[HealthResult], advice: Advice) -> HealthResult:
    wanted = max(service.containers, len(outcomes))
    worst = max(outcomes, key=lambda each: SEVERITY.index(each.health))
    if wanted == 1:
        return worst
    well = sum(each.health is Health.OK for each in outcomes)
    if worst.health is not Health.OK:
        return HealthResult(worst.health, f"{well} of {wanted} are well; one {worst.reason}", worst.remedy)
    if well < wanted:
        return HealthResult(Health.DOWN, f"{well} of {wanted} run", advice.start(service.name))
    return HealthResult(Health.OK, f"{well} of {wanted} {worst.reason}")


def _outcome(
    container: Container, service: ServiceDefinition, is_expected: bool, advice: Advice, now: datetime
) -> HealthResult:
    if container.status == "running":
        return _running(container, service, advice, now)
    if container.status == "restarting":
        reason = f"restarts again and again ({_times(container.restarts)}), {_ended(container)}"
        return HealthResult(Health.DOWN, reason, advice.log(service.name))
    if container.status == "paused":
        return HealthResult(Health.DOWN, "is paused", f"Run: {advice.compose} unpause {service.name}")
    if container.status == "created" and not container.error:
        health = Health.DOWN if is_expected else Health.OK
        return HealthResult(health, "was created, but never started", advice.start(service.name))
    if not is_expected:
        # A stage or a tool that was started with its profile: it is meant to end.
        if container.exit_code == 0:
            return HealthResult(Health.OK, "has ended well")
        return HealthResult(Health.ATTENTION, _ended(container), advice.log(service.name))
    if service.is_one_shot and container.exit_code == 0:
        return HealthResult(Health.OK, "done")
    return HealthResult(Health.DOWN, _ended(container), _remedy_for_ended(container, service, advice))


def _running(container: Container, service: ServiceDefinition, advice: Advice, now: datetime) -> HealthResult:
    age = (now - container.started_at).total_seconds() if container.started_at else YOUNG_SECONDS
    since = f"for {format_span(age)}"
    restarted = f", was restarted {_times(container.restarts)}" if container.restarts else ""
    if container.health == "unhealthy":
        said = f": {container.health_output}" if container.health_output else ""
        reason = f"runs, but its health check failed {_times(container.failing_streak)} in a row{said}"
        return HealthResult(Health.DOWN, reason, advice.restart(service.name))
    if container.restarts >= LOOP_RESTARTS and age < YOUNG_SECONDS and container.health != "healthy":
        reason = f"restarts again and again ({_times(container.restarts)}), the last time {format_span(age)} ago"
        return HealthResult(Health.DOWN, reason, advice.log(service.name))
    if container.is_out_of_memory:
        reason = f"runs {since}, but a process in it was killed for want of memory{_limit(container)}"
        return HealthResult(Health.ATTENTION, reason, "Raise its mem_limit in docker-compose.yml")
    if container.health == "starting" or service.is_one_shot:
        doing = "is still at work" if service.is_one_shot else "is starting"
        return HealthResult(Health.ATTENTION, f"{doing}, {since}{restarted}", "Wait a minute, then check again")
    well = "healthy" if container.health == "healthy" else "running"
    return HealthResult(Health.OK, f"{well} {since}{restarted}")


def _ended(container: Container) -> str:
    if container.error:
        return f"cannot start: {container.error}"
    if container.is_out_of_memory:
        return f"was killed for want of memory{_limit(container)}"
    said = f": {container.log_line}" if container.log_line else ""
    if container.exit_code == KILLED:
        return f"was killed or did not stop in time (exit code {KILLED}){said}"
    if container.exit_code == 0:
        return "was stopped (exit code 0)"
    return f"ended with exit code {container.exit_code}{said}"


def _remedy_for_ended(container: Container, service: ServiceDefinition, advice: Advice) -> str:
    if "port is already allocated" in container.error or "address already in use" in container.error:
        return f"Free the port or choose another in .env, then: {advice.compose} up -d {service.name}"
    if container.is_out_of_memory:
        return f"Raise its mem_limit in docker-compose.yml, then: {advice.compose} up -d {service.name}"
    if service.is_one_shot or (container.exit_code not in (0, KILLED, 143) and not container.error):
        return f"{advice.log(service.name)}, fix the cause, then: {advice.compose} up -d"
    return advice.start(service.name)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _limit(container: Container) -> str:
    return f" (limit {container.memory_bytes // 2**20} MiB)" if container.memory_bytes else ""


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text and not text.startswith("0001") else None
