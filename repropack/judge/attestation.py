"""A verification as an in-toto Statement: which claims of which bundle passed.

Owns: the mapping from verdicts to the predicate test-result/v0.1. Numbers are not part of that
predicate: the report that holds them is named by its hash.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from repropack.judge.assessment import Assessment
from repropack.judge.verdict import Verdict

FILE = "attestation.json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
Subject = Tuple[str, str]


def statement(
    assessment: Assessment, subjects: Sequence[Subject], report_sha256: str
) -> Dict[str, Any]:
    """The statement. `subjects` are names and SHA-256 of what was tested, the bundle's sums first.

    A claim without evidence has failed; one that is inconclusive is a warning.
    """
    found: Dict[Verdict, List[str]] = {verdict: [] for verdict in Verdict}
    # Whoever reads no more than these names must not take it for the claim itself.
    told = "quick set: %s" if assessment.quick else "%s"
    for judgement in assessment.judgements:
        found[judgement.verdict].append(told % judgement.claim_id)
    return {
        "_type": STATEMENT,
        "subject": [_resource(name, digest) for name, digest in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "result": _result(assessment),
            "configuration": [_resource(name, digest) for name, digest in subjects[:1]],
            "passedTests": found[Verdict.REPRODUCED],
            "warnedTests": found[Verdict.INCONCLUSIVE],
            "failedTests": found[Verdict.NOT_REPRODUCED] + found[Verdict.NO_EVIDENCE],
            "repropack_verdict": assessment.words,
            "repropack_report": _resource("report.json", report_sha256),
        },
    }


def _result(assessment: Assessment) -> str:
    return {0: "PASSED", 8: "WARNED"}.get(assessment.exit_code, "FAILED")


def _resource(name: str, sha256: str) -> Dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}
