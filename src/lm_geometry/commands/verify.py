"""`lm-geometry verify`: whether results are what an attestation says, and who signed it."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry verify attestation.json",
        "lm-geometry verify attestation.json --signers allowed_signers --revision workspace",
    ),
)
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False), help="what `lm-geometry attest` wrote"
)
@click.option("--revision", help="what is compared; the attested commit where none is named")
@click.option(
    "--signers",
    type=click.Path(path_type=Path, dir_okay=False),
    help="who may sign, as git's gpg.ssh.allowedSignersFile; no signature of theirs is an error",
)
def command(file: Path, revision: str | None, signers: Path | None) -> None:
    """Compare results with an attestation that `lm-geometry attest` wrote, and tell who signed it.

    Exits with 1 where something differs, naming it. Versions of libraries are told, and no fault.
    """
    from lm_geometry.revisions.attestation import (
        differences,
        of_revision,
        other_versions,
        read_attestation,
    )
    from lm_geometry.revisions.revision import WORKSPACE, Revision
    from lm_geometry.revisions.signatures import signature_of, signer_of

    for path in filter(None, (file, signers)):
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
    told = read_attestation(file)
    if signers is not None or signature_of(file).exists():
        print(signer_of(file, signers))
    else:
        print(f"{file} is not signed")
    found = of_revision(Revision(revision or told["commit"] or WORKSPACE))
    for line in other_versions(told, found):
        print(f"another version: {line}")
    if wrong := differences(told, found):
        raise SystemExit("\n".join([*wrong, f"{len(wrong)} differences from {file}"]))
    print(f"{sum(map(len, told['outs'].values()))} files are as {file} says")
