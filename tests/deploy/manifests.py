"""The manifests as `kubectl apply -k` would send them."""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from scripts.stack.layout import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
SETS = ("base", "example", "hosted", "rtp")
COMPONENTS = {"hosted": "hosted-engine", "rtp": "rtp"}

Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pods:
    """A pod template with the name of what makes its pods."""

    name: str
    kind: str
    labels: dict[str, str]
    spec: Doc

    @property
    def container(self) -> Doc:
        (container,) = self.spec["containers"]
        return dict(container)


def render(folder: Path) -> list[Doc]:
    """The documents of a kustomization, with names and settings filled in."""
    kubectl = Path(sysconfig.get_path("scripts")) / "kubectl"
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


@cache
def manifests(which: str) -> tuple[Doc, ...]:
    """`base`, `example`, or the base with a component: for a hosted engine, or for calls by UDP."""
    if which not in COMPONENTS:
        return tuple(render(FOLDER / which))
    with TemporaryDirectory() as folder:
        here = os.path.relpath(FOLDER, Path(folder).resolve())
        parts = {"resources": [f"{here}/base"], "components": [f"{here}/{COMPONENTS[which]}"]}
        (Path(folder) / "kustomization.yaml").write_text(yaml.safe_dump(parts))
        return tuple(render(Path(folder)))


def of_kind(documents: tuple[Doc, ...], *kinds: str) -> list[Doc]:
    return [document for document in documents if document["kind"] in kinds]


def pods(documents: tuple[Doc, ...]) -> list[Pods]:
    """Every pod template."""
    return list(_pods(documents))


def _pods(documents: tuple[Doc, ...]) -> Iterator[Pods]:
    for document in of_kind(documents, "Deployment", "CronJob"):
        spec = document["spec"]
        template = (spec["jobTemplate"]["spec"] if document["kind"] == "CronJob" else spec)["template"]
        yield Pods(document["metadata"]["name"], document["kind"], template["metadata"]["labels"], template["spec"])
