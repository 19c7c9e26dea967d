"""A program for an environment of its own: `standards.py KIND FILE`. What is wrong goes to stdout.

KIND is crate, runs, sbom or citation. The contexts of a crate are answered from here, so that
nothing but a package index is asked: RO-Crate's own as the package `rocrate` ships it, and the
terms of workflow runs that repropack uses (https://w3id.org/ro/terms/workflow-run).
"""

# mypy: ignore-errors
from __future__ import annotations

import importlib.resources
import json
import sys
from pathlib import Path

TERMS = "https://w3id.org/ro/terms/workflow-run"
USED = (
    "ContainerImage",
    "DockerImage",
    "containerImage",
    "environment",
    "registry",
    "tag",
    "sha256",
)
PROFILES = {"crate": "ro-crate-1.1", "runs": "process-run-crate-0.5"}


def contexts():
    """Both contexts, by address."""
    own = importlib.resources.files("rocrate").joinpath("data/ro-crate.jsonld").read_text("utf-8")
    assert json.loads(own)["@id"] == "https://w3id.org/ro/crate/1.1/context"
    terms = {"@context": {name: f"{TERMS}#{name}" for name in USED}}
    return {"https://w3id.org/ro/crate/1.1/context": own, f"{TERMS}/context": json.dumps(terms)}


def answer(adapter, request, **rest):
    """The context that is asked for, and nothing else."""
    import requests
    import urllib3

    if request.url not in contexts():
        raise requests.ConnectionError(f"only contexts are answered, not {request.url}")
    body = contexts()[request.url].encode()
    raw = urllib3.HTTPResponse(
        body=body,
        status=200,
        headers={"Content-Type": "application/ld+json"},
        preload_content=False,
    )
    response = adapter.build_response(request, raw)
    response._content = body
    return response


def crate(directory, profile):
    """What roc-validator finds in a crate; what is recommended counts too."""
    import requests

    requests.adapters.HTTPAdapter.send = answer
    from rocrate_validator import services

    result = services.validate(
        {
            "rocrate_uri": directory,
            "profile_identifier": profile,
            "requirement_severity": "RECOMMENDED",
            "no_cache": True,
        }
    )
    for issue in result.get_issues():
        yield f"{issue.severity.name} {issue.check.identifier}: {issue.message}"


def sbom(path):
    """What CycloneDX's own schema says of a list of packages."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(Path(path).read_text("utf-8"))
    if error:
        yield str(error)


def citation(path):
    """What the schema of the Citation File Format says."""
    from cffconvert import Citation

    try:
        Citation(Path(path).read_text("utf-8")).validate()
    except Exception as error:
        yield str(error)


def main(kind, path):
    """One line for each thing that is wrong."""
    checks = {"sbom": sbom, "citation": citation}
    found = checks[kind](path) if kind in checks else crate(path, PROFILES[kind])
    for line in found:
        print(line)


if __name__ == "__main__":
    main(*sys.argv[1:])
