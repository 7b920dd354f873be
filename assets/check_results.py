"""Checks and their evaluations in Dagster's classes."""

import dagster as dg

from assets.check import Check, Evaluation
from assets.one_warehouse import WAREHOUSE


def key_of(check: Check) -> dg.AssetCheckKey:
    """Return the key by which Dagster knows a check."""
    return dg.AssetCheckKey(dg.AssetKey(check.table), check.name)


def spec_of(check: Check) -> dg.AssetCheckSpec:
    """Specify a check."""
    return dg.AssetCheckSpec(check.name, asset=check.table, blocking=check.is_blocking, description=check.description)


def result_of(evaluation: Evaluation) -> dg.AssetCheckResult:
    """Return the result of an evaluation; its severity is ERROR only for a blocking check."""
    check = evaluation.check
    return dg.AssetCheckResult(
        asset_key=check.table,
        check_name=check.name,
        passed=evaluation.passed,
        severity=dg.AssetCheckSeverity.ERROR if check.is_blocking else dg.AssetCheckSeverity.WARN,
        description=evaluation.description,
        metadata={**evaluation.figures, WAREHOUSE: evaluation.warehouse},
    )


def evaluation_of(kept: dg.AssetCheckEvaluation) -> Evaluation:
    """Return an evaluation that Dagster has kept, without its figures; only an ERROR keeps a run from publishing."""
    is_blocking = kept.severity == dg.AssetCheckSeverity.ERROR
    check = Check(kept.asset_key.to_user_string(), kept.check_name, "", is_blocking=is_blocking)
    return Evaluation(check, kept.passed, "", {}, kept.description)
