"""`lm-geometry attest`: what the results of a revision are, by SHA-256, signed if asked."""

from pathlib import Path

import click

from lm_geometry.commands.command import Command, examples
from lm_geometry.commands.completion import offered, revisions


@click.command(
    cls=Command,
    epilog=examples(
        "lm-geometry attest HEAD --key ~/.ssh/id_ed25519",
        "lm-geometry attest workspace --output results.json",
    ),
)
@click.argument(
    "revision",
    help="experiment, branch, commit, or workspace",
    shell_complete=offered(revisions),
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("attestation.json"),
    help="file that is written; attestation.json where none is named",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="private or public SSH key that signs it (ssh-keygen -Y sign)",
)
def command(revision: str, output: Path, key: Path | None) -> None:
    """Write what the results of a revision are: SHA-256 of every file, code, parameters, versions.

    Every result is read, from the cache or the remote.
    """
    from lm_geometry.revisions.attestation import of_revision
    from lm_geometry.revisions.revision import Revision
    from lm_geometry.revisions.signatures import sign
    from lm_geometry.workspace.files import write_json

    if key is not None and not key.is_file():  # before every result is read
        raise ValueError(f"--key: there is no file {key}")
    told = of_revision(Revision(revision))
    write_json(output, told)
    files = sum(map(len, told["outs"].values()))
    print(f"{output}: {files} files of {len(told['outs'])} results of {told['commit'] or revision}")
    print(f"{sign(output, key)}: its signature" if key else "not signed: --key names a key of SSH")
