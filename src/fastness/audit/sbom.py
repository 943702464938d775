"""The list of components (SBOM) in CycloneDX 1.6, as JSON: name, version, licence, hashes and package URL of each.

It lists what the audit looked at, so that the two cannot differ. Nothing in it names an index or a mirror.

ASVS 5.0: V15.1.2 (an inventory of all third-party libraries).
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from fastness.audit.licences import licence_of
from fastness.audit.pins import Dependency

VERSION: Final = SchemaVersion.V1_6


def write_sbom(file: Path, *, project: str, version: str, dependencies: Sequence[Dependency], now: datetime) -> None:
    """Write the list; a file that is there is replaced."""
    file.write_text(make_sbom(project=project, version=version, dependencies=dependencies, now=now), encoding="utf-8")


def make_sbom(*, project: str, version: str, dependencies: Sequence[Dependency], now: datetime) -> str:
    """Return the list as JSON."""
    bom = Bom()
    bom.metadata.timestamp = now
    root = Component(name=project, version=version, type=ComponentType.APPLICATION, bom_ref="project")
    bom.metadata.component = root
    components = [_component(dependency) for dependency in dependencies]
    for component in components:
        bom.components.add(component)
    bom.register_dependency(root, components)
    return make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string(indent=2)


def _component(dependency: Dependency) -> Component:
    url = PackageURL(type="pypi", name=dependency.name, version=dependency.version)
    licence = licence_of(dependency)
    return Component(
        name=dependency.name,
        version=dependency.version,
        type=ComponentType.LIBRARY,
        purl=url,
        bom_ref=str(url),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        # One hash is one file; where there are several (a wheel for each platform) none stands for the package.
        hashes=[HashTypeFactory().from_composite_str(dependency.hashes[0])] if len(dependency.hashes) == 1 else [],
    )
